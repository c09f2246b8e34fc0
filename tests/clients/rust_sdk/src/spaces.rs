//! Spaces.

use anyhow::{Context, Result, ensure};
use matrix_sdk::RoomState;
use matrix_sdk::ruma::OwnedRoomId;
use matrix_sdk::ruma::api::client::room::create_room::v3::{CreationContent, Request as CreateRoom, RoomPreset};
use matrix_sdk::ruma::room::RoomType;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk_ui::spaces::SpaceService;
use matrix_sdk_ui::spaces::room_list::SpaceRoomListPaginationState;

use crate::people::{Person, Town};
use crate::waiting::until;

async fn create(alice: &Person, name: &str, space: bool) -> Result<OwnedRoomId> {
    let mut request = CreateRoom::new();
    request.name = Some(name.to_owned());
    request.preset = Some(RoomPreset::PublicChat);
    let mut content = CreationContent::new();
    content.room_type = space.then_some(RoomType::Space);
    request.creation_content = Some(Raw::new(&content)?);
    let room_id = alice.client.create_room(request).await?.room_id().to_owned();
    let room = alice.state_of(&room_id, RoomState::Joined).await?;
    until("the power levels", || async { room.power_levels().await.ok() }).await?;
    Ok(room_id)
}

pub async fn children(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let space = create(&alice, "Village", true).await?;
    let inner = create(&alice, "School", true).await?;
    let room = create(&alice, "Square", false).await?;
    let spaces = SpaceService::new(alice.client.clone()).await;
    for child in [&inner, &room] {
        spaces.add_child_to_space(child.clone(), space.clone()).await?;
    }
    until("the space at the top", || async {
        let top = spaces.top_level_joined_spaces().await;
        (top.len() == 1 && top[0].room_id == space && top[0].children_count == 2).then_some(())
    })
    .await?;
    ensure!(spaces.editable_spaces().await.len() == 2);

    bob.client.join_room_by_id(&space).await?;
    bob.state_of(&space, RoomState::Joined).await?;
    let his = SpaceService::new(bob.client.clone()).await;
    let list = his.space_room_list(space.clone()).await;
    while list.pagination_state() != (SpaceRoomListPaginationState::Idle { end_reached: true }) {
        list.paginate().await?;
    }
    let rooms = list.rooms().await;
    ensure!(rooms.len() == 2, "{rooms:?}");
    let square = rooms.iter().find(|found| found.room_id == room).context("the room is missing")?;
    ensure!(square.name.as_deref() == Some("Square") && square.num_joined_members == 1 && !square.via.is_empty());
    let via = square.via.clone();
    let seen = bob.client.get_room_preview((&*room).into(), via).await?;
    ensure!(seen.name.as_deref() == Some("Square"));

    spaces.remove_child_from_space(room.clone(), space.clone()).await?;
    let list = his.space_room_list(space.clone()).await;
    list.paginate().await?;
    ensure!(list.rooms().await.len() == 1);
    until("the space in the graph", || async { his.get_space_room(&space).await }).await?;
    his.leave_space(&space).await?.leave(|_| true).await?;
    bob.state_of(&space, RoomState::Left).await?;
    Ok(())
}

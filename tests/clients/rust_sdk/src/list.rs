//! The list of rooms.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures_util::{StreamExt, pin_mut};
use matrix_sdk::ruma::OwnedRoomId;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use matrix_sdk::ruma::room::JoinRule;
use matrix_sdk::{RoomDisplayName, RoomState};
use matrix_sdk_ui::eyeball_im::Vector;
use matrix_sdk_ui::room_list_service::filters::{self, BoxedFilterFn};
use matrix_sdk_ui::room_list_service::{RoomListItem, RoomListLoadingState};
use matrix_sdk_ui::timeline::{LatestEventValue, RoomExt};
use tokio::time::{Duration, timeout};

use crate::people::{Person, Town};
use crate::waiting::until;

fn words(text: &str) -> RoomMessageEventContent {
    RoomMessageEventContent::text_plain(text)
}

/// The rooms that a filter shows, once `enough` says so.
async fn shown(
    person: &Person,
    filter: impl Fn() -> BoxedFilterFn,
    pages: usize,
    enough: impl Fn(&Vector<RoomListItem>) -> bool,
) -> Result<Vec<OwnedRoomId>> {
    let list = person.sync.room_list_service().all_rooms().await?;
    let (entries, controller) = list.entries_with_dynamic_adapters(2);
    pin_mut!(entries);
    controller.set_filter(filter());
    let mut rooms = Vector::new();
    let mut paged = 1;
    while !(enough(&rooms) && paged >= pages) {
        let Ok(Some(changes)) = timeout(Duration::from_secs(20), entries.next()).await else {
            let names: Vec<_> = rooms.iter().map(|room| room.cached_display_name()).collect();
            anyhow::bail!("the list stays at {names:?}");
        };
        for change in changes {
            change.apply(&mut rooms);
        }
        if paged < pages && rooms.len() == 2 * paged {
            controller.add_one_page();
            paged += 1;
        }
    }
    Ok(rooms.iter().map(|room| room.room_id().to_owned()).collect())
}

fn only(room_id: &OwnedRoomId) -> impl Fn(&Vector<RoomListItem>) -> bool {
    move |rooms| rooms.iter().map(|room| room.room_id()).eq([room_id])
}

/// Names, latest events, unread counts, favourites and marks.
pub async fn fills_and_follows(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let garden = alice.room_with("Garden", &[&bob]).await?;
    let attic = alice.room_with("Attic", &[&bob]).await?;
    let at_alices = alice.state_of(&garden, RoomState::Joined).await?;
    at_alices.send(words("hello")).await?;
    let room = bob.state_of(&garden, RoomState::Joined).await?;
    until("the count of unread messages", || async {
        (room.unread_notification_counts().notification_count == 1 && room.num_unread_messages() == 1).then_some(())
    })
    .await?;
    until("the latest event", || async {
        match room.latest_event().await {
            LatestEventValue::Remote { content, .. } => {
                content.as_message().filter(|message| message.body() == "hello").map(|_| ())
            }
            _ => None,
        }
    })
    .await?;
    ensure!(room.display_name().await? == RoomDisplayName::Named("Garden".to_owned()));
    shown(&bob, || Box::new(filters::new_filter_unread()), 1, only(&garden)).await?;

    room.set_is_favourite(true, Some(0.5)).await?;
    shown(&bob, || Box::new(filters::new_filter_favourite()), 1, only(&garden)).await?;
    let other = bob.state_of(&attic, RoomState::Joined).await?;
    other.set_is_low_priority(true, None).await?;
    shown(&bob, || Box::new(filters::new_filter_low_priority()), 1, only(&attic)).await?;
    other.set_unread_flag(true).await?;
    until("the mark", || async { other.is_marked_unread().then_some(()) }).await?;
    other.set_unread_flag(false).await?;
    until("no mark", || async { (!other.is_marked_unread()).then_some(()) }).await?;

    at_alices.set_name("Orchard".to_owned()).await?;
    at_alices.set_room_topic("Apples").await?;
    until("the new name", || async {
        (room.name().as_deref() == Some("Orchard") && room.topic().as_deref() == Some("Apples")).then_some(())
    })
    .await?;
    let named = shown(&bob, || Box::new(filters::new_filter_fuzzy_match_room_name("orch")), 1, only(&garden));
    named.await?;
    Ok(())
}

pub async fn invites_and_knocks(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let invited = alice.room("Party", &[&bob]).await?.room_id().to_owned();
    let room = bob.state_of(&invited, RoomState::Invited).await?;
    // The client shows the room before it has stored its state.
    until("who invites", || async {
        room.invite_details().await.ok()?.inviter.filter(|who| who.user_id() == alice.id())
    })
    .await?;
    ensure!(room.display_name().await? == RoomDisplayName::Named("Party".to_owned()));
    shown(&bob, || Box::new(filters::new_filter_invite()), 1, only(&invited)).await?;
    // An invite that is noted as direct is an invite still.
    bob.client.account().mark_as_dm(&invited, &[alice.id().to_owned()]).await?;
    until("the direct room", || async { (room.direct_targets_length() == 1).then_some(()) }).await?;
    let later = alice.room("Later", &[&bob]).await?.room_id().to_owned();
    bob.state_of(&later, RoomState::Invited).await?;
    ensure!(room.state() == RoomState::Invited, "the invite has become {:?}", room.state());
    bob.state_of(&later, RoomState::Invited).await?.leave().await?;
    until("no trace of what was declined", || async {
        bob.client.get_room(&later).is_none_or(|room| room.state() == RoomState::Left).then_some(())
    })
    .await?;

    let closed = alice.room("Club", &[]).await?;
    closed.privacy_settings().update_join_rule(JoinRule::Knock).await?;
    let closed_id = closed.room_id().to_owned();
    bob.client.knock(closed_id.clone().into(), Some("Please".to_owned()), vec![]).await?;
    bob.state_of(&closed_id, RoomState::Knocked).await?;
    let (requests, _task) = alice.state_of(&closed_id, RoomState::Joined).await?.subscribe_to_knock_requests().await?;
    pin_mut!(requests);
    let request = loop {
        let Ok(Some(found)) = timeout(Duration::from_secs(20), requests.next()).await else {
            anyhow::bail!("no knock is heard");
        };
        if let Some(request) = found.into_iter().next() {
            break request;
        }
    };
    ensure!(request.member_info.user_id == bob.id());
    ensure!(request.member_info.reason.as_deref() == Some("Please"));
    request.accept().await?;
    bob.state_of(&closed_id, RoomState::Invited).await?.join().await?;
    bob.state_of(&closed_id, RoomState::Joined).await?;
    Ok(())
}

pub async fn pages(town: &Town) -> Result<()> {
    let alice = town.person("alice").await?;
    let mut made = BTreeSet::new();
    for number in 0..25 {
        made.insert(alice.room(&format!("Room {number}"), &[]).await?.room_id().to_owned());
    }
    let device = town.device(&alice.name, &alice.password).await?;
    let list = device.sync.room_list_service().all_rooms().await?;
    until("the whole list", || async {
        let loaded = list.loading_state().get();
        (loaded == RoomListLoadingState::Loaded { maximum_number_of_rooms: Some(25) }).then_some(())
    })
    .await?;
    until("all rooms", || async { (device.client.joined_rooms().len() == 25).then_some(()) }).await?;
    let filter = || -> BoxedFilterFn { Box::new(filters::new_filter_joined()) };
    let found = shown(&device, filter, 13, |rooms| rooms.len() == 25).await?;
    ensure!(found.into_iter().collect::<BTreeSet<_>>() == made);
    Ok(())
}

/// The server has forgotten the position: the client begins anew, and misses nothing.
pub async fn a_lost_position(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let garden = alice.room_with("Garden", &[&bob]).await?;
    bob.sync.stop().await;
    let room = alice.state_of(&garden, RoomState::Joined).await?;
    room.send(words("while away")).await?;
    // Another session of the same name ends the first.
    bob.sync.expire_sessions().await;
    bob.sync.start().await;
    bob.runs().await?;
    let at_bobs = bob.state_of(&garden, RoomState::Joined).await?;
    until("what came meanwhile", || async {
        match at_bobs.latest_event().await {
            LatestEventValue::Remote { content, .. } => {
                content.as_message().filter(|message| message.body() == "while away").map(|_| ())
            }
            _ => None,
        }
    })
    .await
}

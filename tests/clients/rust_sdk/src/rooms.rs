//! Rooms from outside, ways into them and out of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use matrix_sdk::RoomState;
use matrix_sdk::room::RoomMemberRole;
use matrix_sdk::room::power_levels::RoomPowerLevelChanges;
use matrix_sdk::room_directory_search::RoomDirectorySearch;
use matrix_sdk::ruma::api::client::room::Visibility;
use matrix_sdk::ruma::api::client::room::create_room::v3::{Request as CreateRoom, RoomPreset};
use matrix_sdk::ruma::events::room::history_visibility::HistoryVisibility;
use matrix_sdk::ruma::room::JoinRuleSummary;
use matrix_sdk::ruma::{Int, RoomAliasId, RoomOrAliasId};

use crate::people::{Person, Town};
use crate::talk::{item, say, says};
use crate::waiting::until;

async fn public(alice: &Person, name: &str, alias: &str) -> Result<matrix_sdk::Room> {
    let mut request = CreateRoom::new();
    request.name = Some(name.to_owned());
    request.topic = Some("What it is about".to_owned());
    request.preset = Some(RoomPreset::PublicChat);
    request.visibility = Visibility::Public;
    request.room_alias_name = Some(alias.to_owned());
    Ok(alice.client.create_room(request).await?)
}

pub async fn previews(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let alias = town.name("alias");
    let room = public(&alice, "Market", &alias).await?;
    let alias = RoomAliasId::parse(format!("#{alias}:{}", alice.id().server_name()))?;
    let seen = bob.client.get_room_preview(<&RoomOrAliasId>::from(&*alias), vec![]).await?;
    ensure!(seen.room_id == room.room_id() && seen.name.as_deref() == Some("Market"), "{seen:?}");
    ensure!(seen.num_joined_members == 1 && seen.state.is_none() && seen.canonical_alias == Some(alias.clone()));
    ensure!(matches!(seen.join_rule, Some(JoinRuleSummary::Public)), "{:?}", seen.join_rule);
    ensure!(bob.client.resolve_room_alias(&alias).await?.room_id == room.room_id());

    let private = alice.room("Secret", &[&bob]).await?.room_id().to_owned();
    bob.state_of(&private, RoomState::Invited).await?;
    let seen = bob.client.get_room_preview(<&RoomOrAliasId>::from(&*private), vec![]).await?;
    ensure!(seen.name.as_deref() == Some("Secret") && seen.state == Some(RoomState::Invited), "{seen:?}");
    let hidden = alice.room("Hidden", &[]).await?.room_id().to_owned();
    ensure!(bob.client.get_room_preview(<&RoomOrAliasId>::from(&*hidden), vec![]).await.is_err());

    bob.client.join_room_by_id_or_alias(<&RoomOrAliasId>::from(&*alias), &[]).await?;
    bob.state_of(room.room_id(), RoomState::Joined).await?;
    Ok(())
}

pub async fn the_directory(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let word = town.name("market");
    for number in 0..5 {
        public(&alice, &format!("{word} {number}"), &town.name("alias")).await?;
    }
    let mut search = RoomDirectorySearch::new(bob.client.clone());
    search.search(Some(word.clone()), 2, None).await?;
    while !search.is_at_last_page() {
        search.next_page().await?;
    }
    let (found, _) = search.results();
    ensure!(found.len() == 5 && search.loaded_pages() == 3, "{found:?}");

    let room = alice.room("Plain", &[]).await?;
    let room = alice.state_of(room.room_id(), RoomState::Joined).await?;
    let settings = room.privacy_settings();
    ensure!(settings.get_room_visibility().await? == Visibility::Private);
    settings.update_room_visibility(Visibility::Public).await?;
    ensure!(settings.get_room_visibility().await? == Visibility::Public);
    settings.update_room_history_visibility(HistoryVisibility::Invited).await?;
    let alias = RoomAliasId::parse(format!("#{}:{}", town.name("alias"), alice.id().server_name()))?;
    ensure!(settings.publish_room_alias_in_room_directory(&alias).await?);
    settings.update_canonical_alias(Some(alias.clone()), vec![]).await?;
    until("the alias", || async { (room.canonical_alias() == Some(alias.clone())).then_some(()) }).await?;
    ensure!(settings.remove_room_alias_from_room_directory(&alias).await?);
    ensure!(alice.client.is_room_alias_available(&alias).await?);
    Ok(())
}

pub async fn leaving_and_forgetting(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    let room = bob.state_of(&room_id, RoomState::Joined).await?;
    room.leave().await?;
    let room = bob.state_of(&room_id, RoomState::Left).await?;
    room.forget().await?;
    ensure!(bob.client.get_room(&room_id).is_none(), "the room is not forgotten");
    alice.state_of(&room_id, RoomState::Joined).await?.invite_user_by_id(bob.id()).await?;
    bob.state_of(&room_id, RoomState::Invited).await?.join().await?;
    let room = bob.state_of(&room_id, RoomState::Joined).await?;
    until("the members", || async { (room.joined_members_count() == 2).then_some(()) }).await
}

/// Roles, reports, kicks and bans.
pub async fn moderation(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    let event_id = say(&hers, "a bad word").await?;
    item(&his, "a bad word", |item| says(item, "a bad word")).await?;
    his.room().report_content(event_id, Some("It is bad".to_owned())).await?;
    his.room().report_room("It is bad".to_owned()).await?;

    let room = alice.state_of(&room_id, RoomState::Joined).await?;
    room.update_power_levels(vec![(bob.id(), Int::from(50))]).await?;
    until("the role", || async {
        let role = room.get_suggested_user_role(bob.id()).await.ok()?;
        (role == RoomMemberRole::Moderator).then_some(())
    })
    .await?;
    let mut changes = RoomPowerLevelChanges::new();
    changes.room_name = Some(50);
    room.apply_power_level_changes(changes).await?;
    until("the right to name", || async { his.room().set_name("Named by Bob".to_owned()).await.ok() }).await?;
    room.kick_user(bob.id(), Some("Enough")).await?;
    let left = bob.state_of(&room_id, RoomState::Left).await?;
    let told = left.member_with_sender_info(bob.id()).await?;
    ensure!(told.sender_info.is_some_and(|who| who.user_id() == alice.id()));
    room.ban_user(bob.id(), Some("Enough")).await?;
    bob.state_of(&room_id, RoomState::Banned).await?;
    ensure!(bob.client.join_room_by_id(&room_id).await.is_err());
    room.unban_user(bob.id(), None).await?;
    tokio::time::timeout(Duration::from_secs(20), room.sync_members()).await??;
    room.get_member(bob.id()).await?.context("no trace of Bob")?;
    Ok(())
}

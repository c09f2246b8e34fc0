//! What people set for themselves.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use matrix_sdk::RoomState;
use matrix_sdk::media::MediaFormat;
use matrix_sdk::notification_settings::{IsEncrypted, IsOneToOne, RoomNotificationMode};
use matrix_sdk::ruma::api::client::profile::{AvatarUrl, DisplayName};
use matrix_sdk::ruma::api::client::push::{PusherIds, PusherInit, PusherKind};
use matrix_sdk::ruma::push::{HttpPusherData, PredefinedOverrideRuleId, PushFormat, RuleKind};
use matrix_sdk_ui::notification_client::{
    NotificationClient, NotificationEvent, NotificationProcessSetup, NotificationStatus,
};

use crate::people::Town;
use crate::talk::{PICTURE, say};
use crate::waiting::until;

/// Rules for rooms and words, which reach the other devices, and pushers.
pub async fn notifications(town: &Town) -> Result<()> {
    let alice = town.person("alice").await?;
    let room_id = alice.room("Garden", &[]).await?.room_id().to_owned();
    let room = alice.state_of(&room_id, RoomState::Joined).await?;
    let device = town.device(&alice.name, &alice.password).await?;
    let settings = alice.client.notification_settings().await;
    let others = device.client.notification_settings().await;
    for mode in
        [RoomNotificationMode::Mute, RoomNotificationMode::MentionsAndKeywordsOnly, RoomNotificationMode::AllMessages]
    {
        settings.set_room_notification_mode(&room_id, mode).await?;
        until("the mode elsewhere", || async {
            let found = others.get_user_defined_room_notification_mode(&room_id).await;
            (found == Some(mode)).then_some(())
        })
        .await?;
        until("the mode of the room", || async {
            (room.user_defined_notification_mode().await == Some(mode)).then_some(())
        })
        .await?;
    }
    settings.delete_user_defined_room_rules(&room_id).await?;
    let quiet = RoomNotificationMode::MentionsAndKeywordsOnly;
    for (encrypted, direct) in [
        (IsEncrypted::Yes, IsOneToOne::Yes),
        (IsEncrypted::Yes, IsOneToOne::No),
        (IsEncrypted::No, IsOneToOne::Yes),
        (IsEncrypted::No, IsOneToOne::No),
    ] {
        settings.set_default_room_notification_mode(encrypted, direct, quiet).await?;
        ensure!(settings.get_default_room_notification_mode(encrypted, direct).await == quiet);
    }
    settings.add_keyword("tea time".to_owned()).await?;
    until("the word elsewhere", || async { others.enabled_keywords().await.contains("tea time").then_some(()) })
        .await?;
    settings.remove_keyword("tea time").await?;
    for rule in [PredefinedOverrideRuleId::IsRoomMention, PredefinedOverrideRuleId::InviteForMe] {
        settings.set_push_rule_enabled(RuleKind::Override, rule.clone(), false).await?;
        ensure!(!settings.is_push_rule_enabled(RuleKind::Override, rule).await?);
    }
    pushers(&alice.client).await
}

async fn pushers(client: &matrix_sdk::Client) -> Result<()> {
    let ids = PusherIds::new("a key".to_owned(), "org.example.app".to_owned());
    let mut data = HttpPusherData::new("https://push.example.org/_matrix/push/v1/notify".to_owned());
    data.format = Some(PushFormat::EventIdOnly);
    let pusher = PusherInit {
        ids: ids.clone(),
        kind: PusherKind::Http(data),
        app_display_name: "A client".to_owned(),
        device_display_name: "A phone".to_owned(),
        profile_tag: None,
        lang: "en".to_owned(),
    };
    client.pusher().set(pusher.into(), false).await?;
    client.pusher().delete(ids).await?;
    Ok(())
}

/// What a phone shows that was woken by the ID of an event.
pub async fn single_notifications(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let plain = alice.room_with("Garden", &[&bob]).await?;
    let secret = alice.client.create_dm(bob.id()).await?.room_id().to_owned();
    bob.state_of(&secret, RoomState::Invited).await?.join().await?;
    bob.state_of(&secret, RoomState::Joined).await?;
    bob.client.encryption().wait_for_e2ee_initialization_tasks().await;
    let invited = alice.room("Party", &[&bob]).await?.room_id().to_owned();
    bob.sync.stop().await;
    let setup = NotificationProcessSetup::SingleProcess { sync_service: Arc::clone(&bob.sync) };
    let notifications = NotificationClient::new(bob.client.clone(), setup).await?;
    for room_id in [&plain, &secret] {
        let event_id = say(&alice.open(room_id).await?, "wake up").await?;
        let NotificationStatus::Event(found) = notifications.get_notification(room_id, &event_id).await? else {
            anyhow::bail!("there is nothing to show of {event_id} in {room_id}");
        };
        let NotificationEvent::Timeline(event) = &found.event else { anyhow::bail!("it is an invite") };
        ensure!(event.sender() == alice.id() && event.event_type().to_string() == "m.room.message", "{event:?}");
        ensure!(found.is_noisy == Some(true) || room_id == &plain, "it makes no sound");
        ensure!(found.sender_display_name.is_some() && found.joined_members_count == 2, "{found:?}");
    }
    let members = alice.client.get_room(&invited).context("no room")?;
    let invite = members.get_member(bob.id()).await?.context("no invite")?;
    let event_id = invite.event().event_id().context("no ID")?.to_owned();
    let found = notifications.get_notification(&invited, &event_id).await?;
    ensure!(matches!(found, NotificationStatus::Event(item) if matches!(item.event, NotificationEvent::Invite(_))));
    Ok(())
}

pub async fn profile(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let account = alice.client.account();
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    account.set_display_name(Some("Alice A.")).await?;
    let url = account.upload_avatar(&mime::IMAGE_PNG, PICTURE.to_vec()).await?;
    ensure!(account.get_display_name().await?.as_deref() == Some("Alice A."));
    ensure!(account.get_avatar_url().await? == Some(url.clone()));
    ensure!(account.get_avatar(MediaFormat::File).await?.is_some_and(|bytes| bytes == PICTURE));
    let seen = bob.client.account().fetch_user_profile_of(alice.id()).await?;
    ensure!(seen.get_static::<DisplayName>()?.as_deref() == Some("Alice A."));
    ensure!(seen.get_static::<AvatarUrl>()?.as_ref() == Some(&url));
    let room = bob.state_of(&room_id, RoomState::Joined).await?;
    until("the new name", || async {
        let member = room.get_member(alice.id()).await.ok()??;
        (member.display_name() == Some("Alice A.") && member.avatar_url() == Some(&*url)).then_some(())
    })
    .await?;
    account.set_avatar_url(None).await?;
    ensure!(account.fetch_user_profile().await?.get_static::<AvatarUrl>()?.is_none());
    let capabilities = alice.client.homeserver_capabilities();
    ensure!(capabilities.can_change_displayname().await? && capabilities.can_change_avatar().await?);
    Ok(())
}

/// Finding people, and not listening to them.
pub async fn people(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let word = town.name("zelda");
    bob.client.account().set_display_name(Some(&word)).await?;
    until("the name in the directory", || async {
        let found = alice.client.search_users(&word, 10).await.ok()?;
        found.results.iter().any(|user| user.user_id == bob.id()).then_some(())
    })
    .await?;
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    alice.client.account().ignore_user(bob.id()).await?;
    until("deaf ears", || async { alice.client.is_user_ignored(bob.id()).await.then_some(()) }).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    say(&his, "can you hear me").await?;
    let mark = say(&hers, "no").await?;
    let heard = hers.items().await;
    ensure!(
        !heard
            .iter()
            .filter_map(|item| item.as_event())
            .any(|item| item.sender() == bob.id() && item.content().is_message())
    );
    alice.client.account().unignore_user(bob.id()).await?;
    until("open ears", || async { (!alice.client.is_user_ignored(bob.id()).await).then_some(()) }).await?;
    alice.client.get_room(&room_id).context("no room")?.event(&mark, None).await?;
    Ok(())
}

pub async fn devices(town: &Town) -> Result<()> {
    let alice = town.person("alice").await?;
    let device = town.device(&alice.name, &alice.password).await?;
    let other = device.client.device_id().context("no device")?.to_owned();
    alice.client.rename_device(&other, "A tablet").await?;
    let found = alice.client.devices().await?.devices;
    ensure!(found.len() == 2, "{found:?}");
    ensure!(found.iter().any(|each| each.device_id == other && each.display_name.as_deref() == Some("A tablet")));
    ensure!(alice.client.device_exists(other.clone()).await?);
    let named = [other.clone()];
    let asked = alice.client.delete_devices(&named, None).await.err().context("nothing was asked")?;
    let session = asked.as_uiaa_response().context("no stages were named")?.session.clone();
    alice.client.delete_devices(&named, Some(alice.password_proof(session))).await?;
    ensure!(!alice.client.device_exists(other).await?);
    ensure!(device.client.whoami().await.is_err(), "is still signed in");
    Ok(())
}

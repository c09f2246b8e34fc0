//! Encrypted rooms, and what is left of them on a new device.

use anyhow::{Result, ensure};
use matrix_sdk::RoomState;
use matrix_sdk::encryption::VerificationState;
use matrix_sdk::encryption::backups::BackupState;
use matrix_sdk::encryption::recovery::RecoveryState;

use crate::people::{Person, Town};
use crate::talk::{item, say, says};
use crate::waiting::until;

/// Direct messages as Element X begins them: encrypted, and known as direct by both.
pub async fn direct_messages(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.client.create_dm(bob.id()).await?.room_id().to_owned();
    let invite = bob.state_of(&room_id, RoomState::Invited).await?;
    until("word that the invite is direct", || async { invite.is_direct().await.ok().filter(|is| *is) }).await?;
    invite.join().await?;
    let his_room = bob.state_of(&room_id, RoomState::Joined).await?;
    until("the direct room", || async {
        (his_room.direct_targets_length() == 1 && bob.client.get_dm_room(alice.id()).is_some()).then_some(())
    })
    .await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    for (speaker, listener, text) in [(&hers, &his, "a secret"), (&his, &hers, "another")] {
        say(speaker, text).await?;
        let heard = item(listener, text, |item| says(item, text)).await?;
        ensure!(heard.encryption_info().is_some(), "it came in the clear");
    }
    // Somebody's new device can read what comes from now on.
    let device = town.device(&bob.name, &bob.password).await?;
    device.state_of(&room_id, RoomState::Joined).await?;
    let seen = device.open(&room_id).await?;
    until("the new device", || async {
        let devices = alice.client.encryption().get_user_devices(bob.id()).await.ok()?;
        (devices.devices().count() == 2).then_some(())
    })
    .await?;
    say(&hers, "to both").await?;
    item(&seen, "a message for both", |item| says(item, "to both")).await?;
    Ok(())
}

/// Bootstraps cross-signing and backups, and recovers on a new device what was said before.
pub async fn recovery(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    bootstrapped(&alice).await?;
    let room_id = alice.client.create_dm(bob.id()).await?.room_id().to_owned();
    bob.state_of(&room_id, RoomState::Invited).await?.join().await?;
    bob.state_of(&room_id, RoomState::Joined).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    say(&his, "long ago").await?;
    item(&hers, "long ago", |item| says(item, "long ago")).await?;
    let recovery = alice.client.encryption().recovery();
    let key = recovery.enable().wait_for_backups_to_upload().await?;
    until("recovery", || async { (recovery.state() == RecoveryState::Enabled).then_some(()) }).await?;

    let device = town.device(&alice.name, &alice.password).await?;
    let encryption = device.client.encryption();
    until("incomplete recovery", || async {
        (encryption.recovery().state() == RecoveryState::Incomplete).then_some(())
    })
    .await?;
    ensure!(encryption.recovery().recover("EsTc not a key").await.is_err());
    encryption.recovery().recover(&key).await?;
    verified(&device).await?;
    until("the backup", || async { (encryption.backups().state() == BackupState::Enabled).then_some(()) }).await?;
    device.state_of(&room_id, RoomState::Joined).await?;
    item(&device.open(&room_id).await?, "what was said long ago", |item| says(item, "long ago")).await?;

    let new_key = encryption.recovery().reset_key().await?;
    ensure!(new_key != key);
    let third = town.device(&alice.name, &alice.password).await?;
    ensure!(third.client.encryption().recovery().recover(&key).await.is_err());
    third.client.encryption().recovery().recover(&new_key).await?;
    verified(&third).await?;
    ensure!(!third.client.encryption().recovery().is_last_device().await?);
    third.client.encryption().recovery().disable().await?;
    ensure!(!third.client.encryption().backups().fetch_exists_on_server().await?);
    Ok(())
}

/// Somebody's first device makes an identity and a backup by itself.
pub async fn bootstrapped(person: &Person) -> Result<()> {
    let encryption = person.client.encryption();
    until("an identity", || async {
        encryption.cross_signing_status().await.filter(|status| status.is_complete()).map(|_| ())
    })
    .await?;
    until("a signed device", || async {
        let own = encryption.get_own_device().await.ok()??;
        own.is_cross_signed_by_owner().then_some(())
    })
    .await?;
    until("a backup", || async { encryption.backups().fetch_exists_on_server().await.ok().filter(|found| *found) })
        .await?;
    verified(person).await
}

pub async fn verified(person: &Person) -> Result<()> {
    let state = person.client.encryption().verification_state();
    until("trust", || async { (state.get() == VerificationState::Verified).then_some(()) }).await
}

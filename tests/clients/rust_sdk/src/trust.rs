//! Devices and people who verify each other, and identities that end.

use std::future::ready;

use anyhow::{Context, Result, ensure};
use matrix_sdk::RoomState;
use matrix_sdk::encryption::verification::{SasState, SasVerification, VerificationRequest};
use matrix_sdk::ruma::events::key::verification::VerificationMethod;
use matrix_sdk::ruma::events::key::verification::request::ToDeviceKeyVerificationRequestEvent;
use matrix_sdk::ruma::events::room::message::{MessageType, SyncRoomMessageEvent};
use tokio::sync::mpsc;

use crate::encryption::{bootstrapped, verified};
use crate::people::{Person, Town};
use crate::waiting::until;

/// Hear of requests for verification: to the device, or in a room.
fn listen(person: &Person) -> mpsc::UnboundedReceiver<(matrix_sdk::ruma::OwnedUserId, String)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let in_room = sender.clone();
    person.client.add_event_handler(move |event: ToDeviceKeyVerificationRequestEvent| {
        sender.send((event.sender, event.content.transaction_id.to_string())).ok();
        ready(())
    });
    person.client.add_event_handler(move |event: SyncRoomMessageEvent| {
        if let Some(original) = event.as_original()
            && let MessageType::VerificationRequest(_) = original.content.msgtype
        {
            in_room.send((original.sender.clone(), original.event_id.to_string())).ok();
        }
        ready(())
    });
    receiver
}

pub async fn two_devices_verify(town: &Town) -> Result<()> {
    let alice = town.person("alice").await?;
    bootstrapped(&alice).await?;
    let device = town.device(&alice.name, &alice.password).await?;
    let heard = listen(&alice);
    until("the first device", || async {
        device.client.encryption().has_devices_to_verify_against().await.ok().filter(|found| *found)
    })
    .await?;
    let identity = device.client.encryption().request_user_identity(alice.id()).await?.context("no identity")?;
    let request = identity.request_verification_with_methods(vec![VerificationMethod::SasV1]).await?;
    verify(&device, request, &alice, heard).await?;
    verified(&device).await?;
    // The keys are handed over, by `m.secret.send`.
    until("the identity's keys", || async {
        let status = device.client.encryption().cross_signing_status().await?;
        status.is_complete().then_some(())
    })
    .await
}

pub async fn two_people_verify(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    bootstrapped(&alice).await?;
    bootstrapped(&bob).await?;
    let room_id = alice.client.create_dm(bob.id()).await?.room_id().to_owned();
    bob.state_of(&room_id, RoomState::Invited).await?.join().await?;
    bob.open(&room_id).await?;
    alice.open(&room_id).await?;
    // The library takes no notice of requests from devices that it does not know yet.
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        until("the other's device", || async {
            one.client.encryption().request_user_identity(other.id()).await.ok()??;
            let devices = one.client.encryption().get_user_devices(other.id()).await.ok()?;
            (devices.devices().count() == 1).then_some(())
        })
        .await?;
    }
    let heard = listen(&bob);
    let identity = alice.client.encryption().request_user_identity(bob.id()).await?.context("no identity")?;
    let request = identity.request_verification_with_methods(vec![VerificationMethod::SasV1]).await?;
    verify(&alice, request, &bob, heard).await?;
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        until("the trust", || async {
            let found = one.client.encryption().get_user_identity(other.id()).await.ok()??;
            found.is_verified().then_some(())
        })
        .await?;
    }
    Ok(())
}

async fn verify(
    asking: &Person,
    request: VerificationRequest,
    asked: &Person,
    mut heard: mpsc::UnboundedReceiver<(matrix_sdk::ruma::OwnedUserId, String)>,
) -> Result<()> {
    let wait = std::time::Duration::from_secs(20);
    let (sender, flow) = tokio::time::timeout(wait, heard.recv()).await?.context("nobody listens")?;
    ensure!(sender == asking.id());
    let theirs =
        until("the request", || async { asked.client.encryption().get_verification_request(&sender, &flow).await })
            .await?;
    theirs.accept_with_methods(vec![VerificationMethod::SasV1]).await?;
    until("their consent", || async { request.is_ready().then_some(()) }).await?;
    let one = request.start_sas().await?.context("emoji are not possible")?;
    let other = until("the beginning", || async {
        asked.client.encryption().get_verification(&sender, &flow).await.and_then(|found| found.sas())
    })
    .await?;
    other.accept().await?;
    compare(&one, &other).await
}

async fn compare(one: &SasVerification, other: &SasVerification) -> Result<()> {
    let emoji = |sas: &SasVerification| match sas.state() {
        SasState::KeysExchanged { decimals, .. } => Some(decimals),
        _ => None,
    };
    let shown = until("the numbers", || async { emoji(one) }).await?;
    ensure!(until("their numbers", || async { emoji(other) }).await? == shown);
    one.confirm().await?;
    other.confirm().await?;
    until("the end", || async { (one.is_done() && other.is_done()).then_some(()) }).await
}

/// Whoever has lost everything makes a new identity, which the others are told of.
pub async fn a_new_identity(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    bootstrapped(&alice).await?;
    let room_id = bob.client.create_dm(alice.id()).await?.room_id().to_owned();
    alice.state_of(&room_id, RoomState::Invited).await?.join().await?;
    let before = bob.client.encryption().request_user_identity(alice.id()).await?.context("no identity")?;
    let handle = alice.client.encryption().recovery().reset_identity().await?;
    if let Some(handle) = handle {
        let matrix_sdk::encryption::CrossSigningResetAuthType::Uiaa(asked) = handle.auth_type() else {
            anyhow::bail!("a password is not enough");
        };
        handle.reset(Some(alice.password_proof(asked.session.clone()))).await?;
    }
    verified(&alice).await?;
    until("the new identity", || async {
        let after = bob.client.encryption().get_user_identity(alice.id()).await.ok()??;
        (after.master_key().get_first_key() != before.master_key().get_first_key()).then_some(())
    })
    .await
}

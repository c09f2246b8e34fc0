//! Where people are.

use anyhow::{Context, Result, ensure};
use matrix_sdk::RoomState;

use crate::people::Town;
use crate::talk::item;
use crate::waiting::until;

pub async fn live_location(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Way", &[&bob]).await?;
    let his = bob.open(&room_id).await?;
    let room = alice.state_of(&room_id, RoomState::Joined).await?;
    room.start_live_location_share(60_000, Some("A walk".to_owned())).await?;
    let observer = his.room().live_locations_observer().await;
    until("the beginning", || async { room.send_location_beacon("geo:51.5,-0.1".to_owned()).await.ok() }).await?;
    until("the place", || async {
        let (shares, _) = observer.subscribe();
        let share = shares.iter().find(|share| share.user_id == alice.id())?;
        share.last_location.as_ref().filter(|last| last.location.uri == "geo:51.5,-0.1").map(|_| ())
    })
    .await?;
    let shown = item(&his, "the walk", |item| {
        item.content().as_live_location_state().is_some_and(|state| state.latest_location().is_some())
    })
    .await?;
    ensure!(shown.content().as_live_location_state().context("no walk")?.is_live());
    room.stop_live_location_share().await?;
    item(&his, "its end", |item| item.content().as_live_location_state().is_some_and(|state| !state.is_live())).await?;
    Ok(())
}

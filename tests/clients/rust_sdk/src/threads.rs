//! Threads, and subscriptions to them.

use anyhow::{Context, Result, ensure};
use matrix_sdk::RoomState;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use matrix_sdk_ui::timeline::{RoomExt, ThreadListPaginationState, TimelineFocus};

use crate::people::Town;
use crate::talk::{item, say, says, sent};
use crate::waiting::until;

pub async fn live(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    let root = say(&hers, "a root").await?;
    item(&his, "the root", |item| says(item, "a root")).await?;

    let focus = || TimelineFocus::Thread { root_event_id: root.clone() };
    let his_thread = his.room().timeline_builder().with_focus(focus()).build().await?;
    for number in 0..25 {
        his_thread.send(RoomMessageEventContent::text_plain(format!("reply {number}")).into()).await?;
    }
    let last = sent(&his_thread, "reply 24").await?;
    item(&hers, "a summary", |item| {
        item.event_id() == Some(&root) && item.content().thread_summary().is_some_and(|sum| sum.num_replies == 25)
    })
    .await?;
    // A device that knows nothing yet reads the thread from its end to its root.
    let device = town.device(&alice.name, &alice.password).await?;
    let room = device.state_of(&room_id, RoomState::Joined).await?;
    let thread = room.timeline_builder().with_focus(focus()).build().await?;
    while !thread.paginate_backwards(7).await? {}
    for text in ["a root", "reply 0", "reply 24"] {
        item(&thread, text, |item| says(item, text)).await?;
    }

    let threads = room.thread_list_service();
    while threads.pagination_state() != (ThreadListPaginationState::Idle { end_reached: true }) {
        threads.paginate().await?;
    }
    let listed = threads.items();
    ensure!(listed.len() == 1 && listed[0].root_event.event_id == root && listed[0].num_replies == 25, "{listed:?}");
    ensure!(listed[0].latest_event.as_ref().is_some_and(|latest| latest.event_id == last));

    // The replies mention who began the thread: a client subscribes by itself then.
    until("a subscription", || async {
        room.fetch_thread_subscription(root.clone()).await.ok()?.filter(|found| found.automatic)
    })
    .await?;
    room.subscribe_thread(root.clone(), None).await?;
    ensure!(room.fetch_thread_subscription(root.clone()).await?.is_some_and(|found| !found.automatic));
    // The other device is told by sliding sync.
    let other = alice.client.get_room(&room_id).context("no room")?;
    until("the subscription", || async {
        let found = other.load_or_fetch_thread_subscription(&root).await.ok()?;
        found.filter(|subscription| !subscription.automatic).map(|_| ())
    })
    .await?;
    room.unsubscribe_thread(root.clone()).await?;
    ensure!(room.fetch_thread_subscription(root.clone()).await?.is_none());
    // What was said before the end of the subscription does not begin it again, and that is no error.
    room.subscribe_thread(root.clone(), Some(last)).await?;
    ensure!(room.fetch_thread_subscription(root).await?.is_none());
    Ok(())
}

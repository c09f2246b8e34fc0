//! What is said in rooms.

use anyhow::{Context, Result, ensure};
use matrix_sdk::attachment::{AttachmentInfo, BaseImageInfo};
use matrix_sdk::media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings};
use matrix_sdk::room::edit::EditedContent;
use matrix_sdk::ruma::api::client::receipt::create_receipt::v3::ReceiptType;
use matrix_sdk::ruma::events::AnyMessageLikeEventContent;
use matrix_sdk::ruma::events::poll::unstable_end::UnstablePollEndEventContent;
use matrix_sdk::ruma::events::poll::unstable_response::UnstablePollResponseEventContent;
use matrix_sdk::ruma::events::poll::unstable_start::{
    NewUnstablePollStartEventContent, UnstablePollAnswer, UnstablePollAnswers, UnstablePollStartContentBlock,
    UnstablePollStartEventContent,
};
use matrix_sdk::ruma::events::room::message::{
    LocationMessageEventContent, MessageType, RoomMessageEventContent, RoomMessageEventContentWithoutRelation,
    TextMessageEventContent,
};
use matrix_sdk::ruma::{OwnedEventId, uint};
use matrix_sdk_ui::timeline::RoomExt;
use matrix_sdk_ui::timeline::{
    AttachmentConfig, AttachmentSource, EventTimelineItem, Timeline, TimelineDetails, TimelineEventFocusThreadMode,
    TimelineEventItemId, TimelineFocus,
};

use crate::people::Town;
use crate::waiting::until;

/// A picture of one red point.
pub const PICTURE: &[u8] = include_bytes!("point.png");

pub async fn item(
    timeline: &Timeline,
    what: &str,
    fits: impl Fn(&EventTimelineItem) -> bool,
) -> Result<EventTimelineItem> {
    until(what, || async {
        let items = timeline.items().await;
        items.iter().rev().filter_map(|item| item.as_event()).find(|item| fits(item)).cloned()
    })
    .await
}

pub fn says(item: &EventTimelineItem, text: &str) -> bool {
    item.content().as_message().is_some_and(|message| message.body() == text)
}

/// Say something by the queue; the event that it has become.
pub async fn say(timeline: &Timeline, text: &str) -> Result<OwnedEventId> {
    timeline.send(RoomMessageEventContent::text_plain(text).into()).await?;
    sent(timeline, text).await
}

pub async fn sent(timeline: &Timeline, text: &str) -> Result<OwnedEventId> {
    let found = item(timeline, text, |item| says(item, text) && item.is_remote_event()).await?;
    Ok(found.event_id().context("it has no ID")?.to_owned())
}

/// Replies, edits, reactions, redactions, pins and pages of what was said before.
pub async fn messages(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    let first = say(&hers, "first").await?;
    item(&his, "first", |item| says(item, "first")).await?;

    his.send_reply(RoomMessageEventContentWithoutRelation::text_plain("an answer"), first.clone()).await?;
    let answer = item(&hers, "the answer", |item| says(item, "an answer")).await?;
    let reply = answer.content().in_reply_to().context("it is no reply")?;
    ensure!(reply.event_id == first);
    ensure!(matches!(reply.event, TimelineDetails::Ready(_)), "what it replies to is unknown");

    let named = TimelineEventItemId::EventId(first.clone());
    ensure!(his.toggle_reaction(&named, "👍").await?);
    item(&hers, "a reaction", |item| {
        let found = item.content().reactions().and_then(|all| all.get("👍")?.get(bob.id()));
        item.event_id() == Some(&first) && found.is_some()
    })
    .await?;
    ensure!(!his.toggle_reaction(&named, "👍").await?);
    item(&hers, "no reaction", |item| {
        item.event_id() == Some(&first) && item.content().reactions().is_none_or(|all| all.is_empty())
    })
    .await?;

    let other = RoomMessageEventContentWithoutRelation::text_plain("otherwise");
    hers.edit(&named, EditedContent::RoomMessage(other)).await?;
    item(&his, "an edit", |item| {
        says(item, "otherwise") && item.content().as_message().is_some_and(|message| message.is_edited())
    })
    .await?;

    pin(&hers, &his, &first).await?;
    hers.redact(&named, Some("a mistake")).await?;
    item(&his, "a redaction", |item| item.event_id() == Some(&first) && item.content().is_redacted()).await?;
    look_back(&hers, &his).await?;
    look_around(town, &alice, &hers).await
}

async fn pin(hers: &Timeline, his: &Timeline, event_id: &OwnedEventId) -> Result<()> {
    ensure!(hers.room().pin_event(event_id).await?);
    until("the pin", || async {
        his.room().pinned_event_ids().is_some_and(|ids| ids.contains(event_id)).then_some(())
    })
    .await?;
    let pinned = his.room().timeline_builder().with_focus(TimelineFocus::PinnedEvents).build().await?;
    item(&pinned, "a pinned event", |item| item.event_id() == Some(event_id)).await?;
    ensure!(hers.room().unpin_event(event_id).await?);
    until("no pin", || async { his.room().pinned_event_ids().is_none_or(|ids| ids.is_empty()).then_some(()) }).await
}

async fn look_back(hers: &Timeline, his: &Timeline) -> Result<()> {
    for number in 0..60 {
        hers.room().send(RoomMessageEventContent::text_plain(format!("number {number}"))).await?;
    }
    item(his, "the last one", |item| says(item, "number 59")).await?;
    while !his.paginate_backwards(15).await? {}
    let items = his.items().await;
    let numbers =
        items.iter().filter_map(|item| item.as_event()?.content().as_message()?.body().strip_prefix("number "));
    let numbers: Vec<usize> = numbers.filter_map(|number| number.parse().ok()).collect();
    ensure!(numbers == (0..60).collect::<Vec<_>>(), "{numbers:?}");
    ensure!(items.iter().any(|item| item.is_timeline_start()));
    Ok(())
}

/// A permalink: from an event on in both directions.
async fn look_around(town: &Town, alice: &crate::people::Person, hers: &Timeline) -> Result<()> {
    let middle = sent(hers, "number 30").await?;
    let device = town.device(&alice.name, &alice.password).await?;
    let room = device.state_of(hers.room().room_id(), matrix_sdk::RoomState::Joined).await?;
    let focus = TimelineFocus::Event {
        target: middle.clone(),
        num_context_events: 6,
        thread_mode: TimelineEventFocusThreadMode::Automatic { hide_threaded_events: false },
    };
    let around = room.timeline_builder().with_focus(focus).build().await?;
    item(&around, "the event", |item| item.event_id() == Some(&middle)).await?;
    while !around.paginate_forwards(20).await? {}
    item(&around, "the end", |item| says(item, "number 59")).await?;
    while !around.paginate_backwards(20).await? {}
    item(&around, "the beginning", |item| says(item, "number 0")).await?;
    Ok(())
}

/// Pictures by the queue, in a room that is encrypted and in one that is not.
pub async fn media(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    for encrypted in [false, true] {
        let room_id = alice.room_with("Pictures", &[&bob]).await?;
        if encrypted {
            let room = alice.client.get_room(&room_id).context("no room")?;
            room.enable_encryption().await?;
            let other = bob.client.get_room(&room_id).context("no room")?;
            until("encryption", || async { other.encryption_state().is_encrypted().then_some(()) }).await?;
        }
        let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
        let source = AttachmentSource::Data { bytes: PICTURE.to_vec(), filename: "point.png".to_owned() };
        let mut config = AttachmentConfig::default();
        config.caption = Some(TextMessageEventContent::plain("a point"));
        config.info = Some(AttachmentInfo::Image(BaseImageInfo {
            height: Some(uint!(64)),
            width: Some(uint!(64)),
            ..Default::default()
        }));
        hers.send_attachment(source, mime::IMAGE_PNG, config).use_send_queue().await?;
        let shown = item(&his, "a picture", |item| says(item, "a point")).await?;
        let message = shown.content().as_message().context("no message")?;
        let MessageType::Image(image) = message.msgtype() else { anyhow::bail!("no picture") };
        let wanted = MediaRequestParameters { source: image.source.clone(), format: MediaFormat::File };
        let media = bob.client.media();
        ensure!(media.get_media_content(&wanted, true).await? == PICTURE);
        if !encrypted {
            let small = MediaFormat::Thumbnail(MediaThumbnailSettings::new(uint!(32), uint!(32)));
            let wanted = MediaRequestParameters { source: image.source.clone(), format: small };
            ensure!(!media.get_media_content(&wanted, true).await?.is_empty());
        }
    }
    ensure!(alice.client.load_or_fetch_max_upload_size().await? > uint!(1_000_000));
    let reserved = alice.client.media().create_content_uri().await?;
    alice.client.media().upload_preallocated(reserved, &mime::IMAGE_PNG, PICTURE.to_vec()).await?;
    Ok(())
}

pub async fn polls_and_places(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Votes", &[&bob]).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    let answers = vec![UnstablePollAnswer::new("y", "Yes"), UnstablePollAnswer::new("n", "No")];
    let block = UnstablePollStartContentBlock::new("Tea?", UnstablePollAnswers::try_from(answers)?);
    let poll = NewUnstablePollStartEventContent::plain_text("Tea?", block);
    let start = UnstablePollStartEventContent::New(poll);
    hers.send(AnyMessageLikeEventContent::UnstablePollStart(start)).await?;
    let asked = item(&his, "a poll", |item| item.content().is_poll()).await?;
    let poll_id = asked.event_id().context("no ID")?.to_owned();
    let vote = UnstablePollResponseEventContent::new(vec!["y".to_owned()], poll_id.clone());
    his.send(AnyMessageLikeEventContent::UnstablePollResponse(vote)).await?;
    let voted = |item: &EventTimelineItem| {
        let results = item.content().as_poll().map(|poll| poll.results());
        results.is_some_and(|found| found.votes.get("y").is_some_and(|who| who == &[bob.id().to_string()]))
    };
    item(&hers, "a vote", voted).await?;
    let end = UnstablePollEndEventContent::new("It is over", poll_id);
    hers.send(AnyMessageLikeEventContent::UnstablePollEnd(end)).await?;
    item(&his, "an end", |item| item.content().as_poll().is_some_and(|poll| poll.results().end_time.is_some())).await?;
    // Who looks later sees the votes too.
    let device = town.device(&bob.name, &bob.password).await?;
    device.state_of(&room_id, matrix_sdk::RoomState::Joined).await?;
    item(&device.open(&room_id).await?, "the votes", voted).await?;

    let place = LocationMessageEventContent::new("Here".to_owned(), "geo:51.5,-0.1".to_owned());
    hers.send(RoomMessageEventContent::new(MessageType::Location(place)).into()).await?;
    item(&his, "a place", |item| says(item, "Here")).await?;
    Ok(())
}

pub async fn receipts_and_typing(town: &Town) -> Result<()> {
    let (alice, bob) = (town.person("alice").await?, town.person("bob").await?);
    let room_id = alice.room_with("Garden", &[&bob]).await?;
    let (hers, his) = (alice.open(&room_id).await?, bob.open(&room_id).await?);
    let (_guard, mut typing) = his.room().subscribe_to_typing_notifications();
    hers.room().typing_notice(true).await?;
    let who = tokio::time::timeout(std::time::Duration::from_secs(20), typing.recv()).await??;
    ensure!(who == [alice.id().to_owned()], "{who:?}");
    hers.room().typing_notice(false).await?;

    let event_id = say(&hers, "read this").await?;
    item(&his, "read this", |item| says(item, "read this")).await?;
    until("unread", || async { (his.room().num_unread_messages() == 1).then_some(()) }).await?;
    ensure!(his.mark_as_read(ReceiptType::Read).await?);
    item(&hers, "a receipt", |item| item.event_id() == Some(&event_id) && item.read_receipts().contains_key(bob.id()))
        .await?;
    until("all is read", || async {
        let counts = his.room().unread_notification_counts();
        (counts.notification_count == 0 && his.room().num_unread_messages() == 0).then_some(())
    })
    .await?;

    let private = say(&hers, "read this quietly").await?;
    item(&his, "the second", |item| says(item, "read this quietly")).await?;
    his.send_single_receipt(ReceiptType::ReadPrivate, private.clone()).await?;
    his.send_single_receipt(ReceiptType::FullyRead, private.clone()).await?;
    until("the mark of what was read", || async {
        (his.room().fully_read_event_id().as_ref() == Some(&private)).then_some(())
    })
    .await?;
    until("all is read", || async { (his.room().num_unread_messages() == 0).then_some(()) }).await
}

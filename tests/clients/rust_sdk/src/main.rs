//! Users of matrix-rust-sdk, the core of Element X, live on one homeserver.
//!
//!     hearth-rust-sdk http://127.0.0.1:8008 FOLDER [STORY...]
//!
//! Registration must be open, with `m.login.dummy` as its only stage. What the clients keep is written to the folder.
//! `RUST_LOG=matrix_sdk=debug` shows each request.

mod consent;
mod encryption;
mod list;
mod people;
mod places;
mod rooms;
mod settings;
mod signing_in;
mod spaces;
mod talk;
mod threads;
mod trust;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use people::Town;
use tracing_subscriber::fmt::format::FmtSpan;

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .init();
    let mut given = std::env::args().skip(1);
    let base = given.next().context("the address of the homeserver is missing")?;
    let folder = PathBuf::from(given.next().context("the folder is missing")?);
    let wanted: Vec<String> = given.collect();
    let town = Town::new(base, folder);
    let mut failed = Vec::new();
    macro_rules! tell {
        ($($story:path),* $(,)?) => {$(
            let name = stringify!($story).replace("::", ".").replace(' ', "");
            if wanted.is_empty() || wanted.iter().any(|start| name.starts_with(start.as_str())) {
                let began = std::time::Instant::now();
                let told = tokio::time::timeout(PATIENCE, Box::pin($story(&town))).await;
                match told.unwrap_or_else(|_| Err(anyhow::anyhow!("took longer than {PATIENCE:?}"))) {
                    Ok(()) => println!("{name}: {:.1} s", began.elapsed().as_secs_f32()),
                    Err(fault) => {
                        println!("{name}: FAILED: {fault:#}");
                        failed.push(name);
                    }
                }
            }
        )*};
    }
    tell!(
        signing_in::by_password,
        signing_in::by_oauth,
        signing_in::deactivating,
        list::fills_and_follows,
        list::invites_and_knocks,
        list::pages,
        list::a_lost_position,
        talk::messages,
        talk::media,
        talk::polls_and_places,
        talk::receipts_and_typing,
        threads::live,
        rooms::previews,
        rooms::the_directory,
        rooms::leaving_and_forgetting,
        rooms::moderation,
        spaces::children,
        encryption::direct_messages,
        encryption::recovery,
        trust::two_devices_verify,
        trust::two_people_verify,
        trust::a_new_identity,
        settings::notifications,
        settings::single_notifications,
        settings::profile,
        settings::people,
        settings::devices,
        places::live_location,
    );
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    println!("told to the end");
    Ok(())
}

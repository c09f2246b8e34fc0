//! Waiting for what comes by itself.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(40);

/// What `look` finds, as soon as it finds it.
pub async fn until<T, F, Found>(what: &str, mut look: F) -> Result<T>
where
    F: FnMut() -> Found,
    Found: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited in vain for {what}");
        }
        sleep(BETWEEN).await;
    }
}

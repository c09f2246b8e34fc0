//! People and their devices: each device is a client with a folder, which syncs as Element X does.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use matrix_sdk::config::RequestConfig;
use matrix_sdk::encryption::{BackupDownloadStrategy, EncryptionSettings};
use matrix_sdk::ruma::api::client::account::register;
use matrix_sdk::ruma::api::client::room::create_room::v3::{Request as CreateRoom, RoomPreset};
use matrix_sdk::ruma::api::client::uiaa::{AuthData, Dummy, Password};
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use matrix_sdk::sliding_sync::{Version, VersionBuilder};
use matrix_sdk::{Client, Room, RoomState, ThreadingSupport};
use matrix_sdk_ui::sync_service::{State, SyncService};
use matrix_sdk_ui::timeline::{RoomExt, Timeline};

use crate::waiting::until;

/// The homeserver, and where clients keep what they know.
pub struct Town {
    pub base: String,
    folder: PathBuf,
    made: AtomicUsize,
    start: u64,
}

impl Town {
    pub fn new(base: String, folder: PathBuf) -> Self {
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Self { base, folder, made: AtomicUsize::new(0), start }
    }

    /// A name that nobody has yet.
    pub fn name(&self, kind: &str) -> String {
        format!("{kind}{:x}x{}", self.start % 0xffff_ffff, self.made.fetch_add(1, Ordering::Relaxed))
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.join(self.name("device"))
    }

    /// A client of nobody, which has found out what the server can do.
    pub async fn client(&self) -> Result<Client> {
        self.client_in(&self.folder()).await
    }

    pub async fn client_in(&self, folder: &PathBuf) -> Result<Client> {
        let settings = EncryptionSettings {
            auto_enable_cross_signing: true,
            backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
            auto_enable_backups: true,
        };
        let client = Client::builder()
            .server_name_or_homeserver_url(&self.base)
            .sliding_sync_version_builder(VersionBuilder::DiscoverNative)
            .sqlite_store(folder, None)
            .handle_refresh_tokens()
            .with_encryption_settings(settings)
            .with_threading_support(ThreadingSupport::Enabled { with_subscriptions: true })
            .request_config(RequestConfig::short_retry())
            .build()
            .await?;
        ensure!(matches!(client.sliding_sync_version(), Version::Native), "the server has no sliding sync");
        Ok(client)
    }

    /// Somebody new, signed in on one device that syncs.
    pub async fn person(&self, kind: &str) -> Result<Person> {
        let (name, password) = (self.name(kind), self.name("pass"));
        self.register(&name, &password).await?;
        self.device(&name, &password).await
    }

    pub async fn register(&self, name: &str, password: &str) -> Result<()> {
        let client = Client::builder().homeserver_url(&self.base).build().await?;
        let mut request = register::v3::Request::new();
        request.username = Some(name.to_owned());
        request.password = Some(password.to_owned());
        request.auth = Some(AuthData::Dummy(Dummy::new()));
        request.inhibit_login = true;
        client.matrix_auth().register(request).await?;
        Ok(())
    }

    /// A new device of somebody.
    pub async fn device(&self, name: &str, password: &str) -> Result<Person> {
        let client = self.client().await?;
        client
            .matrix_auth()
            .login_username(name, password)
            .initial_device_display_name("Rust")
            .request_refresh_token()
            .send()
            .await?;
        Person::start(client, name, password).await
    }
}

/// Somebody at one of their devices.
pub struct Person {
    pub client: Client,
    pub sync: Arc<SyncService>,
    pub name: String,
    pub password: String,
}

impl Person {
    /// Begin to sync, with a client that is signed in.
    pub async fn start(client: Client, name: &str, password: &str) -> Result<Self> {
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        client.event_cache().subscribe()?;
        let sync = Arc::new(SyncService::builder(client.clone()).with_offline_mode().build().await?);
        sync.start().await;
        let person = Self { client, sync, name: name.to_owned(), password: password.to_owned() };
        person.runs().await?;
        Ok(person)
    }

    /// Wait until the room list has been told once.
    pub async fn runs(&self) -> Result<()> {
        let list = self.sync.room_list_service();
        until("a first sync", || async {
            let runs = matches!(list.state().get(), matrix_sdk_ui::room_list_service::State::Running);
            (runs && matches!(self.sync.state().get(), State::Running)).then_some(())
        })
        .await
    }

    pub fn id(&self) -> &UserId {
        self.client.user_id().expect("is signed in")
    }

    pub fn password_proof(&self, session: Option<String>) -> AuthData {
        let mut proof = Password::new(OwnedUserId::from(self.id()).into(), self.password.clone());
        proof.session = session;
        AuthData::Password(proof)
    }

    /// A room with a name to which some people are invited.
    pub async fn room(&self, name: &str, invited: &[&Person]) -> Result<Room> {
        let mut request = CreateRoom::new();
        request.name = Some(name.to_owned());
        request.preset = Some(RoomPreset::PrivateChat);
        request.invite = invited.iter().map(|person| person.id().to_owned()).collect();
        Ok(self.client.create_room(request).await?)
    }

    /// A room that all of some people are in.
    pub async fn room_with(&self, name: &str, others: &[&Person]) -> Result<OwnedRoomId> {
        let room_id = self.room(name, others).await?.room_id().to_owned();
        for other in others {
            other.state_of(&room_id, RoomState::Invited).await?.join().await?;
            other.state_of(&room_id, RoomState::Joined).await?;
        }
        Ok(room_id)
    }

    /// Wait until the room list says so of the person in a room.
    pub async fn state_of(&self, room_id: &RoomId, state: RoomState) -> Result<Room> {
        until(&format!("{} to be {state:?}", self.name), || async {
            self.client.get_room(room_id).filter(|room| room.state() == state)
        })
        .await
    }

    /// The timeline of a room that is open on the screen.
    pub async fn open(&self, room_id: &RoomId) -> Result<Timeline> {
        self.sync.room_list_service().subscribe_to_rooms(&[room_id]).await;
        let room = self.client.get_room(room_id).context("the room is not there")?;
        Ok(room
            .timeline_builder()
            .track_read_marker_and_receipts(matrix_sdk_ui::timeline::TimelineReadReceiptTracking::AllEvents)
            .build()
            .await?)
    }
}

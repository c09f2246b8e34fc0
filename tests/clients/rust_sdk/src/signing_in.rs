//! Coming in and going out.

use anyhow::{Context, Result, ensure};
use matrix_sdk::authentication::oauth::OAuthSession;
use matrix_sdk::authentication::oauth::registration::{ApplicationType, ClientMetadata, Localized, OAuthGrantType};
use matrix_sdk::reqwest::Url;
use matrix_sdk::ruma::api::client::discovery::get_authorization_server_metadata::v1::Prompt;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::store::RoomLoadSettings;
use matrix_sdk::utils::UrlOrQuery;
use matrix_sdk::{Client, RoomState};

use crate::consent::Visitor;
use crate::people::{Person, Town};

pub async fn by_password(town: &Town) -> Result<()> {
    let alice = town.person("alice").await?;
    let types = alice.client.matrix_auth().get_login_types().await?;
    ensure!(types.flows.iter().any(|flow| flow.login_type() == "m.login.password"), "{:?}", types.flows);
    let before = alice.client.access_token();
    alice.client.refresh_access_token().await?;
    ensure!(alice.client.access_token() != before, "the token was not renewed");
    ensure!(alice.client.whoami().await?.user_id == alice.id());
    let session = alice.client.matrix_auth().session().context("there is no session")?;
    alice.sync.stop().await;

    let again = town.client().await?;
    again.matrix_auth().restore_session(session, RoomLoadSettings::default()).await?;
    ensure!(again.whoami().await?.device_id.as_deref() == alice.client.device_id());
    again.logout().await?;
    ensure!(again.whoami().await.is_err(), "is still signed in");
    Ok(())
}

/// Signs in by the pages of the server, refreshes, comes back after a restart, and signs out.
pub async fn by_oauth(town: &Town) -> Result<()> {
    let (name, password) = (town.name("olga"), town.name("pass"));
    town.register(&name, &password).await?;
    let folder = town.folder();
    let olga = sign_in(town.client_in(&folder).await?, &name, &password).await?;
    let bob = town.person("bob").await?;
    let room_id = bob.room_with("Oak", &[&olga]).await?;

    let before = olga.client.access_token();
    olga.client.refresh_access_token().await?;
    ensure!(olga.client.access_token() != before, "the token was not renewed");
    let session: OAuthSession = olga.client.oauth().full_session().context("there is no session")?;
    olga.sync.stop().await;
    drop(olga);

    let client = town.client_in(&folder).await?;
    client.oauth().restore_session(session, RoomLoadSettings::default()).await?;
    let olga = Person::start(client, &name, &password).await?;
    olga.state_of(&room_id, RoomState::Joined).await?;
    ensure!(olga.client.devices().await?.devices.len() == 1);
    let metadata = olga.client.oauth().server_metadata().await?;
    ensure!(metadata.prompt_values_supported.contains(&Prompt::Create), "accounts cannot be made on the way");
    ensure!(metadata.account_management_uri.is_some(), "there is no page of the account");
    olga.sync.stop().await;
    if metadata.revocation_endpoint.scheme() == "https" {
        olga.client.logout().await?;
    } else {
        // The library does not send tokens there.
        let tokens = olga.client.session_tokens().context("there are no tokens")?;
        let client_id = olga.client.oauth().client_id().context("there is no client")?.to_string();
        Visitor::new()?.revoke(&metadata.revocation_endpoint, &tokens.access_token, &client_id).await?;
    }
    ensure!(olga.client.whoami().await.is_err(), "is still signed in");
    Ok(())
}

pub async fn sign_in(client: Client, name: &str, password: &str) -> Result<Person> {
    let redirect = Url::parse("org.example.app:/callback")?;
    let site = Localized::new(Url::parse("https://app.example.org/")?, []);
    let code = OAuthGrantType::AuthorizationCode { redirect_uris: vec![redirect.clone()] };
    let mut metadata = ClientMetadata::new(ApplicationType::Native, vec![code, OAuthGrantType::DeviceCode], site);
    metadata.client_name = Some(Localized::new("A client in Rust".to_owned(), []));
    let begun = client.oauth().login(redirect, None, Some(Raw::new(&metadata)?.into()), None).build().await?;
    let answer = Visitor::new()?.allow(&begun.url, name, password).await?;
    client.oauth().finish_login(UrlOrQuery::Url(answer)).await?;
    Person::start(client, name, password).await
}

pub async fn deactivating(town: &Town) -> Result<()> {
    let alice = town.person("alice").await?;
    alice.sync.stop().await;
    let asked = alice.client.account().deactivate(None, None, true).await.err().context("nothing was asked")?;
    let session = asked.as_uiaa_response().context("no stages were named")?.session.clone();
    alice.client.account().deactivate(None, Some(alice.password_proof(session)), true).await?;
    let client = town.client().await?;
    ensure!(client.matrix_auth().login_username(&alice.name, &alice.password).send().await.is_err());
    Ok(())
}

//! The user of an app at the pages of the server, in a browser of few words.

use anyhow::{Context, Result, ensure};
use matrix_sdk::reqwest::header::{LOCATION, REFERER};
use matrix_sdk::reqwest::redirect::Policy;
use matrix_sdk::reqwest::{Client, Response, Url};

pub struct Visitor {
    http: Client,
}

impl Visitor {
    pub fn new() -> Result<Self> {
        Ok(Self { http: Client::builder().cookie_store(true).redirect(Policy::none()).build()? })
    }

    /// Sign in, and let the app in that asks for it; where the browser is sent to then.
    pub async fn allow(&self, asking: &Url, name: &str, password: &str) -> Result<Url> {
        let sign_in = self.follow(asking).await?;
        let next = asked(sign_in.url(), "next").context("the pages do not lead back to the app")?;
        let entered = self.submit(sign_in, &[("name", name), ("password", password), ("next", &next)]).await?;
        let page = self.get(&entered).await?;
        let back = self.submit(page, &[("answer", "allow")]).await?;
        ensure!(asked(&back, "code").is_some(), "there is no code in {back}");
        Ok(back)
    }

    /// Give back a token.
    pub async fn revoke(&self, endpoint: &Url, token: &str, client_id: &str) -> Result<()> {
        let fields = [("token", token), ("token_type_hint", "access_token"), ("client_id", client_id)];
        self.http.post(endpoint.clone()).form(&fields).send().await?.error_for_status()?;
        Ok(())
    }

    /// A page behind all its redirections.
    async fn follow(&self, address: &Url) -> Result<Response> {
        let mut page = self.http.get(address.clone()).send().await?;
        while page.status().is_redirection() {
            page = self.http.get(led_to(&page)?).send().await?;
        }
        Ok(page)
    }

    async fn get(&self, address: &Url) -> Result<Response> {
        Ok(self.http.get(address.clone()).send().await?.error_for_status()?)
    }

    /// Send the form of a page; where that leads to.
    async fn submit(&self, page: Response, fields: &[(&str, &str)]) -> Result<Url> {
        let address = page.url().clone();
        let text = page.error_for_status()?.text().await?;
        let (_, rest) = text.split_once("name=\"csrfmiddlewaretoken\" value=\"").context("there is no form")?;
        let token = rest.split('"').next().unwrap_or_default();
        let fields = [&[("csrfmiddlewaretoken", token)][..], fields].concat();
        let sent = self.http.post(address.clone()).header(REFERER, address.as_str()).form(&fields).send().await?;
        ensure!(sent.status().is_redirection(), "{} at {address}", sent.status());
        led_to(&sent)
    }
}

fn led_to(answer: &Response) -> Result<Url> {
    let place = answer.headers().get(LOCATION).context("no address is named")?.to_str()?;
    Ok(answer.url().join(place)?)
}

fn asked(address: &Url, name: &str) -> Option<String> {
    address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

//! Calls of the CloudWatch Logs API: JSON 1.1, signed with version 4.

use std::fmt;
use std::sync::Arc;

use logdive_core::LayerName;
use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::diver::BuildError;
use crate::layers::http::client::{Address, Answer, Client};
use crate::layers::http::fault::{Again, Fault};
use crate::layers::http::patience::{Deadline, Patience};
use crate::layers::http::secret::Secret;
use crate::layers::http::tally::Tally;

const SERVICE: &str = "logs";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// An access key.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
}

/// CloudWatch Logs of one region, for one account.
#[derive(Clone)]
pub(super) struct Cloud {
    client: Client,
    region: String,
    credentials: AwsCredentialProvider,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Cloud {
    pub(super) fn new(
        layer: &LayerName,
        region: String,
        endpoint: Option<Address>,
        keys: Option<Keys>,
    ) -> Result<Self, BuildError> {
        let wrong = |why: String| BuildError::Unreadable { layer: layer.clone(), why };
        if region.is_empty() || !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(wrong(format!("`{region}` is no region: give it as `eu-central-1`")));
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let address =
            endpoint.unwrap_or_else(|| Address::new(format!("https://logs.{region}.{domain}")));
        let mut client = Client::new(layer, &address, &[])?;
        let credentials = match keys {
            Some(keys) => {
                for secret in std::iter::once(&keys.secret).chain(&keys.token) {
                    client = client.hiding(secret.clone());
                }
                let credential = AwsCredential {
                    key_id: keys.id,
                    secret_key: keys.secret.expose(),
                    token: keys.token.map(|token| token.expose()),
                };
                if !is_sendable(&credential) {
                    let why = "its access key or session token has characters that no key has";
                    return Err(wrong(why.to_owned()));
                }
                Arc::new(StaticCredentialProvider::new(credential)) as AwsCredentialProvider
            }
            None => {
                // Only its way of finding credentials is wanted; there is no bucket.
                let store = AmazonS3Builder::from_env()
                    .with_region(&region)
                    .with_bucket_name(SERVICE)
                    .build()
                    .map_err(|_| wrong(format!("it finds no credentials: {WAY_OUT}")))?;
                Arc::clone(store.credentials())
            }
        };
        Ok(Self { client, region, credentials })
    }

    /// Calls an action, again and again while the account is throttled.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        action: &str,
        body: &Json,
        deadline: Deadline,
        tally: &mut Tally,
    ) -> Result<T, Fault> {
        let mut patience = Patience::default();
        loop {
            match deadline.within(self.once(action, body)).await {
                Ok(answer) => {
                    tally.bytes(answer.len());
                    return answer.json();
                }
                Err(fault) => patience.wait(throttling(fault), deadline).await?,
            }
        }
    }

    /// Calls an action once.
    pub(super) async fn once(&self, action: &str, body: &Json) -> Result<Answer, Fault> {
        // What goes wrong here may name the token of a web identity, so it is not repeated.
        let credential = self.credentials.get_credential().await.map_err(|_| {
            Fault::new(format!("no AWS credentials can be had: {WAY_OUT}")).again(Again::Soon)
        })?;
        self.client.send(self.signed(action, body, &credential)?).await
    }

    fn signed(
        &self,
        action: &str,
        body: &Json,
        credential: &AwsCredential,
    ) -> Result<Request, Fault> {
        let broken = |what: &str| Fault::new(format!("{what} cannot be sent"));
        // The signer panics at what is no header.
        if !is_sendable(credential) {
            return Err(broken("the access key or its session token"));
        }
        let body = body.to_string();
        let mut request = HttpRequest::new(HttpRequestBody::from(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() =
            self.client.base().as_str().parse().map_err(|_| broken("the address"))?;
        let target = format!("Logs_20140328.{action}");
        let target = HeaderValue::try_from(target).map_err(|_| broken("the action"))?;
        request.headers_mut().insert(TARGET, target);
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        AwsAuthorizer::new(credential, SERVICE, &self.region).authorize(&mut request, None);
        let mut signed = Request::new(Method::POST, self.client.base().clone());
        *signed.headers_mut() = request.headers().clone();
        *signed.body_mut() = Some(body.into());
        Ok(signed)
    }
}

const WAY_OUT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give them with `keys`, or \
                       run where a role is attached";

fn is_sendable(credential: &AwsCredential) -> bool {
    let fits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits(&credential.key_id)
        && fits(&credential.secret_key)
        && credential.token.as_deref().is_none_or(fits)
}

/// CloudWatch throttles with status 400.
fn throttling(fault: Fault) -> Fault {
    let throttled = matches!(
        fault.code.as_deref(),
        Some("ThrottlingException" | "LimitExceededException" | "TooManyRequestsException")
    );
    let away = matches!(fault.code.as_deref(), Some("ServiceUnavailableException"));
    let wait = fault.wait;
    match (throttled, away) {
        (true, _) => fault.again(Again::Later(wait)),
        (false, true) if wait.is_none() => fault.again(Again::Soon),
        _ => fault,
    }
}

/// Names a log group, by name or ARN.
pub(super) fn group_key(group: &str) -> &'static str {
    if group.starts_with("arn:") { "logGroupIdentifier" } else { "logGroupName" }
}

#[cfg(test)]
mod tests {
    use logdive_core::LayerName;

    use super::{Cloud, Keys};
    use crate::layers::http::secret::Secret;

    #[test]
    fn keys_are_checked_and_not_shown() {
        let build = |region: &str, id: &str, token: Option<&str>| {
            let keys = Keys {
                id: id.to_owned(),
                secret: Secret::new("hunter2"),
                token: token.map(Secret::new),
            };
            Cloud::new(&LayerName::parse("x").unwrap(), region.to_owned(), None, Some(keys))
        };
        assert!(build("eu 1", "AKIA", None).unwrap_err().to_string().contains("no region"));
        for error in [build("eu-1", "A\n", None), build("eu-1", "AKIA", Some("hunter3\n"))] {
            let said = error.unwrap_err().to_string();
            assert!(said.contains("characters") && !said.contains("hunter"), "{said}");
        }
        let shown = format!("{:?}", build("eu-1", "AKIA", None).unwrap());
        assert!(!shown.contains("hunter"), "{shown}");
    }
}

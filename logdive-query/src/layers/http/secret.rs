//! Credentials: text that is sent and never shown.

use std::fmt;
use std::sync::Arc;

/// A text that is sent and never shown, made anew for each request, since tokens expire.
#[derive(Clone)]
pub(super) struct Secret(Arc<dyn Fn() -> String + Send + Sync>);

impl Secret {
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self(Arc::new(move || text.clone()))
    }

    #[cfg(any(feature = "elasticsearch", feature = "loki"))]
    pub(super) fn from_fn(make: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn expose(&self) -> String {
        (self.0)()
    }

    /// Takes the secret, whole or its last word (`Bearer …`), out of a text of somebody else: some
    /// proxies repeat what they were sent.
    pub(super) fn scrub(&self, text: &str) -> String {
        let secret = self.expose();
        let word = secret.rsplit(' ').next().unwrap_or_default();
        if word.len() < 4 { text.to_owned() } else { text.replace(word, "[secret]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Base64 of RFC 4648, for `Authorization: Basic`.
#[cfg(any(feature = "elasticsearch", feature = "loki"))]
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| (group << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("Bearer hunter2");
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.scrub("bad token hunter2!"), "bad token [secret]!");
    }

    #[cfg(any(feature = "elasticsearch", feature = "loki"))]
    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ] {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}

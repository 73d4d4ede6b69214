//! The managed identity endpoint, in the form of App Service, and the tokens that it gives out.
//!
//! Protocol: "How to use managed identities for App Service" (api-version 2019-08-01): a plain http GET with the header
//! `X-IDENTITY-HEADER`; clients are told of it by `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::config::Secret;
use crate::world::World;

/// How long a token is valid.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How many tokens are remembered; the oldest is forgotten first.
const TOKENS_KEPT: usize = 1_024;

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    given: Mutex<VecDeque<(Secret, Instant)>>,
}

impl Tokens {
    pub(crate) fn issue(&self) -> Secret {
        let token = Secret::random();
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() == TOKENS_KEPT {
            given.pop_front();
        }
        given.push_back((token.clone(), Instant::now()));
        token
    }

    /// Whether this endpoint gave the token out and it is still valid.
    pub(crate) fn knows(&self, token: &str) -> bool {
        self.given
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|(t, at)| t.matches(token) && at.elapsed() < TOKEN_LIFE)
    }
}

/// The endpoint.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new().route("/identity", get(token)).with_state(world)
}

#[derive(Deserialize)]
struct TokenQuery {
    resource: Option<String>,
}

async fn token(State(world): State<Arc<World>>, Query(query): Query<TokenQuery>, headers: HeaderMap) -> Response {
    let header = headers.get("x-identity-header").and_then(|v| v.to_str().ok());
    if !header.is_some_and(|h| world.config.identity_header.matches(h)) {
        let body = json!({"statusCode": 401, "message": "The header X-IDENTITY-HEADER is missing or wrong."});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let Some(resource) = query.resource else {
        let body = json!({"statusCode": 400, "message": "The query parameter resource is missing."});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    let token = world.tokens.issue();
    let expires = Timestamp::now().as_second() + TOKEN_LIFE.as_secs() as i64;
    let body = json!({
        "access_token": token.expose(),
        "expires_on": expires.to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": world.config.tenant_id,
    });
    Json(body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_given_tokens_are_known_and_their_number_is_bounded() {
        let tokens = Tokens::default();
        let first = tokens.issue();
        assert!(tokens.knows(first.expose()));
        assert!(!tokens.knows("made-up"));
        for _ in 0..TOKENS_KEPT {
            tokens.issue();
        }
        assert!(!tokens.knows(first.expose()));
    }
}

//! The managed identity endpoint, in the form of App Service, and the tokens that it gives out.
//!
//! Protocol: "How to use managed identities for App Service" (api-version 2019-08-01): a plain http GET with the header
//! `X-IDENTITY-HEADER`; clients read its address and header from `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::tokens::TOKEN_LIFE;
use crate::world::World;

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

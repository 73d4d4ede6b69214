//! Answers, and errors in Azure's shape.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde_json::{Value, json};

use crate::world::World;

/// An answer of Azure Resource Manager.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(super) status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    /// The paths of the operation that goes on, which become addresses when it is known under which this Azure was called.
    operation: Option<OperationPaths>,
    body: Bytes,
}

/// Where to ask for a long-running operation.
#[derive(Debug)]
struct OperationPaths {
    status: String,
    result: String,
}

/// The header that leads to a long-running operation.
const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

impl Reply {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => Self::bytes(status, Bytes::from(bytes)),
            Err(e) => Self::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                &format!("The answer cannot be written: {e}"),
            ),
        }
    }

    pub(super) fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// A list in Azure's shape.
    pub(super) fn list(value: Vec<Value>) -> Self {
        Self::ok(&json!({ "value": value }))
    }

    pub(super) fn bytes(status: StatusCode, body: Bytes) -> Self {
        Self { status, headers: Vec::new(), operation: None, body }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::bytes(status, Bytes::new())
    }

    /// `{"error":{"code","message"}}`.
    pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": {"code": code, "message": message}}))
            .with(HeaderName::from_static("x-ms-error-code"), code)
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With the way to a long-running operation.
    pub(super) fn operation(mut self, world: &World, provider: &str, id: &str) -> Self {
        let config = &world.config;
        let root =
            format!("/subscriptions/{}/providers/{provider}/locations/{}", config.subscription_id, config.location);
        self.operation = Some(OperationPaths {
            status: format!("{root}/operations/{id}?api-version=2026-04-02-preview"),
            result: format!("{root}/operationresults/{id}?api-version=2026-04-02-preview"),
        });
        self
    }

    /// With addresses below the one that the caller uses, such as `https://management.azure.com`.
    pub(super) fn called_at(mut self, base: &str) -> Self {
        match self.operation.take() {
            None => self,
            Some(OperationPaths { status, result }) => {
                self.with(ASYNC_OPERATION, format!("{base}{status}")).with(LOCATION, format!("{base}{result}"))
            }
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::error(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            "The access token is missing, invalid or expired.",
        )
        .with(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
    }

    pub(super) fn throttled(retry_after_s: u64) -> Self {
        Self::error(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "The request is being throttled as the limit has been reached for operation type. For more information, see \
             https://aka.ms/srpthrottlinglimits",
        )
        .with(RETRY_AFTER, retry_after_s.to_string())
    }

    pub(super) fn unavailable() -> Self {
        Self::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "The service is temporarily unavailable. Please retry later.",
        )
    }

    /// The answer to an API that Azure does not have.
    pub(super) fn unknown(method: &Method, path: &str) -> Self {
        Self::error(
            StatusCode::NOT_FOUND,
            "InvalidResourceType",
            &format!(
                "The resource type could not be found for {method} {path}; the simulated Azure does not model it."
            ),
        )
    }

    pub(super) fn not_found(kind: &str, name: &str, group: &str) -> Self {
        Self::error(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            &format!(
                "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to \
                 https://aka.ms/ARMResourceNotFoundFix"
            ),
        )
    }

    pub(super) fn bad_request(code: &str, message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, code, message)
    }

    /// As an HTTP response, with the ids that Azure puts on each.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        }
        let id = uuid::Uuid::new_v4().to_string();
        for name in ["x-ms-request-id", "x-ms-correlation-request-id"] {
            if let Ok(value) = HeaderValue::from_str(&id) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.headers {
            // The values are ids and numbers of ours; one that is no header value is left out.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

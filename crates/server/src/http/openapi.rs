//! The OpenAPI document.
/// Text.
pub fn text() -> &'static str {
    ""
}

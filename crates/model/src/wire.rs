//! What goes over HTTP: requests and responses of `/v1`, shared by the server and the SDK.

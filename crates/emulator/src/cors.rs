//! CORS for pages of any origin. Every response carries the allowing header, also errors and faults:
//! without it the SDK sees a failed fetch instead of the error code. The module rejects nothing and
//! does not depend on the origin, so it needs no library.

use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
};

const ALLOWED_HEADERS: &str = "accept, apikey, appid, authorization, authtoken, content-type, onbehalfof, onbehalfofuser, resource, sdk, settingshash, settingshashreceivedat";

pub async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        let response = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish();
        request.into_response(response)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    // The headers that a page may read on a rate-limited response.
    response.headers_mut().insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        header::HeaderValue::from_static(
            "retry-after, x-rate-limit, x-rate-limit-remaining, x-rate-limit-reset",
        ),
    );
    Ok(response)
}

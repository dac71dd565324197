//! CORS for pages of any origin. Every answer carries the allowing header, errors and faults too:
//! without it the SDK sees a failed fetch in place of the error code. Nothing is refused and nothing
//! depends on the origin, which is why this is two dozen lines and not a library.

use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
};

const HEADERS: &str = "accept, apikey, appid, authorization, authtoken, content-type, onbehalfof, onbehalfofuser, resource, sdk, settingshash, settingshashreceivedat";

pub async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut answer = if preflight {
        let answer = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish();
        request.into_response(answer)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    // What a page may read of a refusal.
    answer.headers_mut().insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        header::HeaderValue::from_static(
            "retry-after, x-rate-limit, x-rate-limit-remaining, x-rate-limit-reset",
        ),
    );
    Ok(answer)
}

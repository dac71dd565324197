//! A connection with a limit on the time without a response, and on how much of its requests is read ahead.
//!
//! actix waits without limit for the rest of a body, for the rest of a second head, and for a client that does not
//! read. On a [`TimeoutStream`] reads and writes fail when no response was sent for too long, whatever else is sent or
//! received.
//!
//! actix also decodes all requests that it has read, however many there are, and takes an unread body of the next
//! request for that of the current one (docs/upstream). So the stream hands over one head at a time, then its body when
//! the application waits for it. It hands over nothing more while the request has no response, or while the client
//! does not read one.

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, ConnectionType, HttpMessage as _, Payload, Request, Response};
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use futures_util::Stream;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes of one read.
const MAX_READ_BYTES: usize = 4096;
/// Bytes of a request's head. nginx passes on as many (`large_client_header_buffers 4 8k`).
const MAX_HEAD_BYTES: usize = 32 * 1024;
const HEAD_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// Bytes of a response that are buffered for a client.
pub const MAX_WRITE_BYTES: usize = 16 * 1024;

/// The state of one connection, shared by its stream and the application.
#[derive(Clone)]
pub struct ConnectionActivity(Rc<State>);

struct State {
    /// When the connection began, if there was no response yet.
    last_response: Cell<Instant>,
    /// The application has a request without a response.
    is_in_progress: Cell<bool>,
    /// The application waits for the request's body.
    wants_body: Cell<bool>,
    /// Bytes of the request's body that are not handed over yet. `None` for a body in chunks.
    body_left: Cell<Option<usize>>,
    /// The application did not read the body of the latest request to its end.
    has_unread_body: Cell<bool>,
    /// The task of the connection, if the stream withheld bytes from it that it may have.
    reader: RefCell<Option<Waker>>,
}

impl ConnectionActivity {
    fn new(now: Instant) -> Self {
        Self(Rc::new(State {
            last_response: Cell::new(now),
            is_in_progress: Cell::new(false),
            wants_body: Cell::new(false),
            body_left: Cell::new(None),
            has_unread_body: Cell::new(false),
            reader: RefCell::default(),
        }))
    }

    /// Records that the application begins to handle a request.
    pub fn begin(&self, request: &mut Request) {
        let payload = request.take_payload();
        let has_body = !matches!(payload, Payload::None);
        self.0.is_in_progress.set(true);
        self.0.wants_body.set(false);
        self.0.body_left.set(None);
        self.0.has_unread_body.set(has_body);
        if has_body {
            let length =
                request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            self.0.body_left.set(length.and_then(|length| length.trim().parse().ok()));
            let body: BoxedPayloadStream = Box::pin(Body { payload, activity: self.clone() });
            *request.payload() = Payload::Stream { payload: body };
        }
    }

    /// Records that the request has a response, and limits the memory that sending the response needs.
    pub fn finish(&self, mut response: Response<BoxBody>) -> Response<BoxBody> {
        self.0.is_in_progress.set(false);
        self.0.wants_body.set(false);
        self.0.last_response.set(Instant::now());
        self.wake_reader();
        // The rest of the body has an unknown end, so the next head cannot be found.
        if self.0.has_unread_body.get() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response.map_body(|_, body| match body.size() {
            BodySize::Sized(size) if size > MAX_WRITE_BYTES as u64 => match body.try_into_bytes() {
                Ok(bytes) => BoxBody::new(ChunkedBytes(bytes)),
                Err(body) => body,
            },
            _ => body,
        })
    }

    fn may_read(&self) -> bool {
        !self.0.is_in_progress.get() || (self.0.wants_body.get() && self.0.body_left.get() != Some(0))
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.0.reader.take() {
            reader.wake();
        }
    }
}

/// The body of a request. It records when the application waits for more of it.
struct Body {
    payload: Payload,
    activity: ConnectionActivity,
}

impl Stream for Body {
    type Item = std::result::Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = self.get_mut();
        let state = &body.activity.0;
        let chunk = Pin::new(&mut body.payload).poll_next(context);
        state.wants_body.set(chunk.is_pending());
        match chunk {
            Poll::Pending => body.activity.wake_reader(),
            Poll::Ready(None) => state.has_unread_body.set(false),
            Poll::Ready(Some(_)) => {}
        }
        chunk
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.activity.0.wants_body.set(false);
    }
}

/// The body of a response in chunks of [`MAX_WRITE_BYTES`]. actix copies each chunk as a whole into its write buffer.
struct ChunkedBytes(Bytes);

impl MessageBody for ChunkedBytes {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, Infallible>>> {
        let length = self.0.len().min(MAX_WRITE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(self.0.split_to(length))))
    }
}

/// Finds the empty lines that end heads, and bodies in chunks. Other empty lines only split what is handed over.
struct EmptyLines {
    is_line_start: bool,
}

impl EmptyLines {
    /// Returns the number of bytes up to the end of the first empty line.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (position, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.is_line_start => return Some(position + 1),
                b'\n' => self.is_line_start = true,
                b'\r' => {}
                _ => self.is_line_start = false,
            }
        }
        None
    }
}

/// A client's connection. It fails if no response was sent for longer than `timeout`.
pub struct TimeoutStream {
    stream: TcpStream,
    timeout: Duration,
    activity: ConnectionActivity,
    /// Reset only when it has elapsed, because a reset at each response costs time.
    alarm: Pin<Box<Sleep>>,
    /// Bytes that are read but not handed over.
    read_ahead: BytesMut,
    empty_lines: EmptyLines,
    /// Bytes handed over since the last empty line.
    head_bytes: usize,
    /// There may be more to read, but actix has to decode first what was handed over.
    must_yield: bool,
    is_write_blocked: bool,
    /// The head is too large: the stream reads as closed.
    is_rejected: bool,
}

impl TimeoutStream {
    pub fn new(stream: TcpStream, timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            stream,
            timeout,
            activity: ConnectionActivity::new(now),
            alarm: Box::pin(sleep_until(now + timeout)),
            read_ahead: BytesMut::new(),
            empty_lines: EmptyLines { is_line_start: true },
            head_bytes: 0,
            must_yield: false,
            is_write_blocked: false,
            is_rejected: false,
        }
    }

    pub fn activity(&self) -> ConnectionActivity {
        self.activity.clone()
    }

    /// Fails if the timeout has elapsed; otherwise schedules a wake-up of the task for then.
    fn check_time(&mut self, context: &mut Context<'_>) -> Result<()> {
        while self.alarm.as_mut().poll(context).is_ready() {
            let deadline = self.activity.0.last_response.get() + self.timeout;
            if deadline <= Instant::now() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Ok(())
    }

    /// Hands over the bytes that actix may decode next, and keeps the rest.
    fn deliver(&mut self, buffer: &mut ReadBuf<'_>, bytes: &[u8]) {
        let state = &self.activity.0;
        let is_body = state.is_in_progress.get() || state.has_unread_body.get();
        let end = match state.body_left.get().filter(|_| state.is_in_progress.get()) {
            Some(left) => {
                let end = left.min(bytes.len());
                state.body_left.set(Some(left - end));
                self.empty_lines.is_line_start = true;
                Some(end)
            }
            None => self.empty_lines.find(bytes),
        };
        self.head_bytes = if end.is_some() || is_body { 0 } else { self.head_bytes + bytes.len() };
        let (current, later) = end.and_then(|end| bytes.split_at_checked(end)).unwrap_or((bytes, &[]));
        buffer.put_slice(current);
        self.read_ahead.extend_from_slice(later);
        self.must_yield |= !self.read_ahead.is_empty();
        if self.head_bytes > MAX_HEAD_BYTES {
            self.is_rejected = true;
            // Does not mix with an earlier response: the stream reads only when that is sent.
            let _ = self.stream.try_write(HEAD_TOO_LARGE);
        }
    }

    fn record_write<T>(&mut self, written: Poll<Result<T>>) -> Poll<Result<T>> {
        self.is_write_blocked = written.is_pending();
        if !self.is_write_blocked {
            self.activity.wake_reader();
        }
        written
    }
}

impl AsyncRead for TimeoutStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        this.check_time(context)?;
        if this.is_write_blocked || !this.activity.may_read() {
            this.activity.0.reader.replace(Some(context.waker().clone()));
            this.must_yield = false;
            return Poll::Pending;
        }
        if std::mem::take(&mut this.must_yield) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.is_rejected {
            return Poll::Ready(Ok(()));
        }
        let limit = buffer.remaining().min(MAX_READ_BYTES);
        if !this.read_ahead.is_empty() {
            let bytes = this.read_ahead.split_to(limit.min(this.read_ahead.len()));
            let later = std::mem::take(&mut this.read_ahead);
            this.deliver(buffer, &bytes);
            this.read_ahead.unsplit(later);
            this.must_yield = true;
            return Poll::Ready(Ok(()));
        }
        let mut space = [0; MAX_READ_BYTES];
        let mut chunk = ReadBuf::new(space.get_mut(..limit).unwrap_or_default());
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut chunk))?;
        // A read that does not fill its buffer has emptied the socket.
        this.must_yield = chunk.remaining() == 0;
        this.deliver(buffer, chunk.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TimeoutStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        this.check_time(context)?;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.record_write(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        this.check_time(context)?;
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.record_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

//! The least of HTTP that a scraper needs: `GET /metrics`.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What a client has to ask and to listen.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a request that are looked at.
const LONGEST: usize = 8192;

/// Answers every client of `listener`, one after the other, in a thread of its own for as long as the program runs.
///
/// # Errors
/// If there is no thread.
pub fn serve(
    listener: TcpListener,
    kind: &'static str,
    page: impl Fn() -> String + Send + 'static,
) -> io::Result<()> {
    let serve = move || {
        for client in listener.incoming() {
            // Whoever breaks off has no answer, and the next one is served.
            let _ = client.and_then(|client| answer(client, kind, &page));
        }
    };
    thread::Builder::new().name("metrics".into()).spawn(serve).map(drop)
}

fn answer(mut client: TcpStream, kind: &str, page: &impl Fn() -> String) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 512];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = client.read(&mut piece)?;
        request.extend_from_slice(&piece[..count]);
        if count == 0 || request.len() > LONGEST {
            return reply(&mut client, "400 Bad Request", "text/plain", "no request\n");
        }
    }
    let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    match (method, path) {
        (b"GET", b"/metrics") => reply(&mut client, "200 OK", kind, &page()),
        (b"GET", _) => reply(&mut client, "404 Not Found", "text/plain", "see /metrics\n"),
        _ => reply(&mut client, "405 Method Not Allowed", "text/plain", "GET /metrics\n"),
    }
}

fn reply(client: &mut TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body.as_bytes())
}

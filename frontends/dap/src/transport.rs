//! Where clients come from: standard input and output, or a port of this machine.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use crate::server::serve;

/// Talks with the client that started this process.
///
/// # Errors
/// When threads cannot be had.
pub fn over_stdio() -> io::Result<()> {
    serve(io::stdin().lock(), io::stdout())
}

/// A port that is open.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
}

/// Opens a port; 0 is a free one.
///
/// # Errors
/// When the address is none, or the port is taken.
pub fn listen(address: impl ToSocketAddrs) -> io::Result<Listening> {
    Ok(Listening { listener: TcpListener::bind(address)? })
}

impl Listening {
    /// Where clients find it.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Talks with one client.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn serve_once(&self) -> io::Result<()> {
        let (stream, _) = self.listener.accept()?;
        // Answers are small and wanted at once.
        stream.set_nodelay(true)?;
        serve(BufReader::new(stream.try_clone()?), stream)
    }

    /// Talks with one client after the other, each in a thread of its own.
    ///
    /// # Errors
    /// When no more can be had.
    pub fn serve_all(&self) -> io::Result<()> {
        loop {
            let (stream, _) = self.listener.accept()?;
            let talk = move || {
                let read = stream.set_nodelay(true).and_then(|()| stream.try_clone());
                if let Ok(reader) = read {
                    // A client that cannot be served is that client's matter.
                    let _ = serve(BufReader::new(reader), stream);
                }
            };
            std::thread::Builder::new().name("a client".to_owned()).spawn(talk)?;
        }
    }
}

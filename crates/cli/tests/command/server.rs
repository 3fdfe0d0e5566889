//! Programs that listen on a port, started for a test and ended with it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

/// A program that listens, ended when this is dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a program with these words for a free port behind its arguments, and
    /// waits until it says that it is ready.
    pub(crate) fn start(
        mut command: Command,
        port_args: impl FnOnce(u16) -> Vec<String>,
        ready: &str,
    ) -> (Self, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        command.args(port_args(port));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the program starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let server = Self(process);
        loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the program has ended");
            if line.contains(ready) {
                break;
            }
        }
        // Whatever it says from now on is read by nobody, and must not stop it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        (server, port)
    }
}

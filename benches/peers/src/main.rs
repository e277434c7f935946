//! GET of 16 bytes, as `benches/async.c` does it, with other clients: `peers redis|fred SOCKET IN-FLIGHT
//! COUNT`, on one connection and one thread. Prints nanoseconds for each, by the clock and of processor
//! time.

use cpu_time::ProcessTime;
use fred::prelude::{Builder, Client, ClientLike, Config, KeysInterface, ServerConfig};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use std::error::Error;
use std::time::Instant;

const KEY: &str = "bench:key";
const VALUE: &[u8] = b"0123456789abcdef";

trait Get: Clone + 'static {
    fn get(&mut self) -> impl Future<Output = Vec<u8>>;
}

impl Get for MultiplexedConnection {
    async fn get(&mut self) -> Vec<u8> {
        AsyncCommands::get(self, KEY).await.expect("GET")
    }
}

impl Get for Client {
    async fn get(&mut self) -> Vec<u8> {
        KeysInterface::get(self, KEY).await.expect("GET")
    }
}

/// Each of the tasks sends its next command when it has the reply to the last.
async fn gets(client: &impl Get, tasks: usize, count: usize) {
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let mut client = client.clone();
            tokio::task::spawn_local(async move {
                for _ in 0..count / tasks {
                    assert_eq!(client.get().await, VALUE);
                }
            })
        })
        .collect();
    for task in running {
        task.await.expect("every reply is as expected");
    }
}

async fn measure(client: impl Get, in_flight: usize, count: usize) {
    gets(&client, in_flight, count / 10).await; // to warm up
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    gets(&client, in_flight, count).await;
    let each = |time: std::time::Duration| time.as_nanos() as f64 / count as f64;
    println!(
        "wall_ns {:.1} cpu_ns {:.1}",
        each(wall.elapsed()),
        each(cpu.elapsed())
    );
}

async fn run(
    name: &str,
    socket: &str,
    in_flight: usize,
    count: usize,
) -> Result<(), Box<dyn Error>> {
    match name {
        "redis" => {
            let client = redis::Client::open(format!("unix://{socket}"))?;
            measure(
                client.get_multiplexed_async_connection().await?,
                in_flight,
                count,
            )
            .await;
        }
        "fred" => {
            let server = ServerConfig::Unix {
                path: socket.into(),
            };
            let client = Builder::from_config(Config {
                server,
                ..Config::default()
            })
            .build()?;
            client.init().await?;
            measure(client.clone(), in_flight, count).await;
            client.quit().await?;
        }
        _ => return Err(format!("{name} is not known").into()),
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, socket, in_flight, count] = arguments.as_slice() else {
        return Err("usage: peers redis|fred SOCKET IN-FLIGHT COUNT".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(
        &runtime,
        run(name, socket, in_flight.parse()?, count.parse()?),
    )
}

//! A folder whose power goes: what was not synced may be gone, whole, or in part.

use lacewing_runtime::deploy::Disk;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

/// Which node a name stands for.
type Id = usize;

#[derive(Clone, Debug)]
enum Node {
    File {
        lasting: Vec<u8>,
        now: Vec<u8>,
    },
    Folder {
        lasting: BTreeMap<String, Id>,
        now: BTreeMap<String, Id>,
        /// What was done to the names since the last sync.
        wishes: Vec<Wish>,
    },
    Link(String),
}

/// Names that change at once.
#[derive(Clone, Debug)]
struct Wish {
    gone: Option<String>,
    there: Option<(String, Id)>,
    /// Of a move from folder to folder, the change in which it happened: both happen or none.
    moved: Option<u64>,
}

impl Wish {
    fn grant(&self, names: &mut BTreeMap<String, Id>) {
        names.retain(|name, _| Some(name) != self.gone.as_ref());
        names.extend(self.there.clone());
    }
}

/// What becomes of operations beyond a number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power is gone.
    Cut,
    /// The disk is full: nothing new can be written, all else works.
    Full,
    /// One operation fails for no reason.
    Once,
}

/// A file system in memory.
#[derive(Clone, Debug)]
pub struct Folder {
    nodes: Vec<Node>,
    /// Changes so far.
    changes: u64,
    fault: Option<(Fault, u64)>,
    rng: Xoshiro256PlusPlus,
}

impl Folder {
    /// An empty one; `seed` decides what a power cut leaves.
    pub fn new(seed: u64) -> Self {
        let empty = BTreeMap::new();
        let root = Node::Folder { lasting: empty.clone(), now: empty, wishes: Vec::new() };
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { nodes: vec![root], changes: 0, fault: None, rng }
    }

    /// Changes so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Lets a fault happen at the change that is `after` further changes away.
    pub fn fail(&mut self, fault: Fault, after: u64) {
        self.fault = Some((fault, self.changes + after));
    }

    /// Power comes back: what was not synced lasts or does not, at random.
    pub fn power(&mut self) {
        self.fault = None;
        let rng = &mut self.rng;
        let mut moves = BTreeMap::new();
        for node in &mut self.nodes {
            match node {
                Node::File { lasting, now } => {
                    match rng.next_u32() % 3 {
                        0 => lasting.clone_from(now),
                        1 => {
                            // Part of it, on what was there before or on a hole.
                            let end = rng.next_u32() as usize % (now.len() + 1);
                            lasting.resize(now.len(), 0);
                            lasting[..end].copy_from_slice(&now[..end]);
                        }
                        _ => {}
                    }
                    now.clone_from(lasting);
                }
                Node::Folder { lasting, now, wishes } => {
                    wishes.retain(|wish| {
                        let coin = rng.next_u32().is_multiple_of(2);
                        wish.moved.map_or(coin, |at| *moves.entry(at).or_insert(coin))
                    });
                    wishes.drain(..).for_each(|wish| wish.grant(lasting));
                    now.clone_from(lasting);
                }
                Node::Link(_) => {}
            }
        }
    }

    /// Spoils a byte of a file for good.
    ///
    /// # Panics
    /// If there is no such file, or it is empty.
    pub fn spoil(&mut self, path: &str) {
        let id = self.find(path).unwrap();
        let Node::File { lasting, now } = &mut self.nodes[id] else { panic!("{path} is no file") };
        now[0] ^= 1;
        lasting.clone_from(now);
    }

    /// A change happens, or does not.
    fn change(&mut self, writes: bool) -> io::Result<()> {
        let number = self.changes;
        self.changes += 1;
        match self.fault {
            Some((Fault::Cut, at)) if number >= at => Err(io::Error::other("no power")),
            Some((Fault::Full, at)) if number >= at && writes => Err(ErrorKind::StorageFull.into()),
            Some((Fault::Once, at)) if number == at => Err(io::Error::other("a bad sector")),
            _ => Ok(()),
        }
    }

    fn names(&self, id: Id) -> io::Result<&BTreeMap<String, Id>> {
        match &self.nodes[id] {
            Node::Folder { now, .. } => Ok(now),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// Follows links in all but the last name.
    fn find(&self, path: &str) -> io::Result<Id> {
        let mut id = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if let Node::Link(target) = &self.nodes[id] {
                id = self.find(target)?;
            }
            id = *self.names(id)?.get(name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(id)
    }

    /// The folder of a path, and the name in it.
    fn place<'p>(&self, path: &'p str) -> io::Result<(Id, &'p str)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.find(folder)?;
        self.names(folder).map(|_| (folder, name))
    }

    fn wish(&mut self, folder: Id, gone: Option<&str>, there: Option<(&str, Id)>, moved: bool) {
        let there = there.map(|(name, id)| (name.to_string(), id));
        let moved = moved.then_some(self.changes);
        let wish = Wish { gone: gone.map(String::from), there, moved };
        if let Node::Folder { now, wishes, .. } = &mut self.nodes[folder] {
            wish.grant(now);
            wishes.push(wish);
        }
    }

    /// What was moved into or out of a synced folder has left or come to the other one for good.
    fn other_ends(&mut self, moves: &[u64]) {
        for node in &mut self.nodes {
            let Node::Folder { lasting, wishes, .. } = node else { continue };
            let last = wishes.iter().rposition(|it| it.moved.is_some_and(|at| moves.contains(&at)));
            // What was done to the names before has happened before.
            let before = wishes.drain(..last.map_or(0, |last| last + 1));
            before.for_each(|wish| wish.grant(lasting));
        }
    }

    fn make(&mut self, path: &str, node: Node) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        self.nodes.push(node);
        self.wish(folder, None, Some((name, self.nodes.len() - 1)), false);
        Ok(())
    }
}

impl Disk for &mut Folder {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match &self.nodes[self.find(path)?] {
            Node::File { now, .. } => Ok(now.clone()),
            _ => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.names(self.find(folder)?)?.keys().cloned().collect())
    }

    fn target(&self, link: &str) -> io::Result<String> {
        match &self.nodes[self.find(link)?] {
            Node::Link(target) => Ok(target.clone()),
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    fn make_folder(&mut self, path: &str) -> io::Result<()> {
        if self.find(path).is_ok() {
            return Ok(());
        }
        self.change(true)?;
        let empty = BTreeMap::new();
        self.make(path, Node::Folder { lasting: empty.clone(), now: empty, wishes: Vec::new() })
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let done = self.change(true);
        // Power goes on the way.
        let end = if done.is_ok() { bytes.len() } else { bytes.len() / 2 };
        if self.find(path).is_err() {
            self.make(path, Node::File { lasting: Vec::new(), now: Vec::new() })?;
        }
        let id = self.find(path)?;
        match &mut self.nodes[id] {
            Node::File { now, .. } => *now = bytes[..end].to_vec(),
            _ => return Err(ErrorKind::IsADirectory.into()),
        }
        done
    }

    fn link(&mut self, target: &str, path: &str) -> io::Result<()> {
        if self.find(path).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.change(true)?;
        self.make(path, Node::Link(target.to_string()))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let id = self.find(from)?;
        let ((old, gone), (new, there)) = (self.place(from)?, self.place(to)?);
        self.change(false)?;
        if old == new {
            self.wish(old, Some(gone), Some((there, id)), false);
        } else {
            self.wish(new, None, Some((there, id)), true);
            self.wish(old, Some(gone), None, true);
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let Ok(id) = self.find(path) else { return Ok(()) };
        if let Node::Folder { now, .. } = &self.nodes[id] {
            for name in now.keys().cloned().collect::<Vec<_>>() {
                self.remove(&format!("{path}/{name}"))?;
            }
        }
        self.change(false)?;
        let (folder, name) = self.place(path)?;
        self.wish(folder, Some(name), None, false);
        Ok(())
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        let id = self.find(path)?;
        self.change(false)?;
        match &mut self.nodes[id] {
            Node::File { lasting, now } => lasting.clone_from(now),
            Node::Folder { lasting, now, wishes } => {
                let moves: Vec<_> = wishes.drain(..).filter_map(|wish| wish.moved).collect();
                lasting.clone_from(now);
                self.other_ends(&moves);
            }
            Node::Link(_) => return Err(ErrorKind::InvalidInput.into()),
        }
        Ok(())
    }
}

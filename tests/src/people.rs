//! Whom the daemon takes a drawn face for, and a pack that takes everybody for everybody.

use std::path::Path;

use crate::{Daemon, Home};

impl Daemon {
    /// The id of the person of the first face in a photo.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn person_in(&self, photo: &Path) -> String {
        let faces = self.json(["faces".as_ref(), photo.as_os_str()]);
        faces["faces"][0]["person_id"].as_str().unwrap_or_else(|| panic!("nobody: {faces}")).to_owned()
    }
}

impl Home {
    /// A home whose pack takes people for one who are hardly alike: the first two of those drawn (cosine 0.026) are near to that.
    ///
    /// # Panics
    /// When the pack cannot be written.
    #[must_use]
    pub fn eager() -> Self {
        let home = Self::new();
        let manifest = home.pack().join("pack.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let text = text.replace("group = 0.6", "group = 0.04").replace("neighbour = 0.5", "neighbour = 0.0");
        std::fs::write(&manifest, text).unwrap();
        home
    }

    /// Starts the daemon with a gallery on a free port, and waits until it is idle.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with_gallery(&self) -> Daemon {
        let mut command = self.vowd();
        command.args(["--gallery", "127.0.0.1:0"]).arg(self.photos());
        let daemon = self.start_as(command);
        daemon.wait_idle();
        daemon
    }
}

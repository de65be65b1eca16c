//! Where a new node belongs in the graph, and linking it there. Changes nothing until the place is found.

use std::cmp::Reverse;

use vow_types::cosine;

use super::{GROUND, Graph, NEW, Near, UPPER, VIEW, height_of};

/// Where a new node belongs: its links for the layers 0, 1, … as far as it reaches.
pub(crate) struct Place(Vec<Vec<Near>>);

impl Graph {
    /// Finds the place of a node whose vector is in, but which is not linked. `beside`: nodes in the same state that
    /// will be linked before it, and so are near to it already.
    pub(crate) fn place(&self, node: u32, beside: std::ops::Range<u32>) -> Place {
        let steps = self.steps(node);
        let height = height_of(node);
        let beside: Vec<Near> = beside.map(|other| self.near(steps, other)).collect();
        let mut layers = vec![Vec::new(); height + 1];
        let mut start: Vec<Near> = Vec::new();
        let top = self.entry.map_or(0, |entry| self.height(entry));
        if let Some(entry) = self.entry {
            start.push(self.descend(steps, self.near(steps, entry), top, height));
        }
        for (layer, links) in layers.iter_mut().enumerate().rev() {
            // Above the entry's layer there is nobody yet.
            let from: &[Near] = if layer > top { &[] } else { &start };
            let mut found = self.search_layer(steps, from, VIEW, layer, &|_| true);
            if layer <= top {
                start.clone_from(&found);
            }
            found.extend(beside.iter().filter(|other| height_of(other.node) >= layer));
            found.sort_unstable_by_key(|near| Reverse(*near));
            *links = self.select(&found, if layer == 0 { NEW } else { UPPER });
        }
        Place(layers)
    }

    /// Algorithm 4 of the paper: of nodes near to a vector (best first) those that are nearer to it than to any that
    /// was taken before. This is what keeps ways open between groups of faces that are all alike.
    fn select(&self, near: &[Near], count: usize) -> Vec<Near> {
        let mut taken: Vec<Near> = Vec::with_capacity(count);
        for one in near {
            if taken.len() == count {
                break;
            }
            let steps = self.steps(one.node);
            if taken.iter().all(|other| cosine(steps, self.steps(other.node)) < one.cosine) {
                taken.push(*one);
            }
        }
        taken
    }

    /// Links the next node, [`Self::linked`], at its place.
    pub(crate) fn link(&mut self, place: Place) {
        let node = self.linked();
        let height = place.0.len().saturating_sub(1);
        let nodes = |links: &[Near]| links.iter().map(|near| near.node).collect::<Box<[u32]>>();
        self.since.reach(node);
        self.since.set(node, &place.0.first().map(|links| nodes(links)).unwrap_or_default());
        if height > 0 {
            let upper: Vec<Box<[u32]>> = place.0.iter().skip(1).map(|links| nodes(links)).collect();
            self.upper.insert(node, upper.iter().map(|links| &**links));
        }
        for (layer, links) in place.0.iter().enumerate() {
            for near in links {
                self.link_back(near.node, layer, Near { node, ..*near });
            }
        }
        if self.entry.is_none_or(|entry| self.height(entry) < height) {
            self.entry = Some(node);
        }
    }

    /// `from` gets a link to `new`; when it has too many, the choice is made anew among all of them.
    fn link_back(&mut self, from: u32, layer: usize, new: Near) {
        let links = self.links(from, layer);
        let room = if layer == 0 { GROUND } else { UPPER };
        let nodes: Box<[u32]> = if links.len() < room {
            links.iter().copied().chain([new.node]).collect()
        } else {
            let steps = self.steps(from);
            let mut near: Vec<Near> = links.iter().map(|node| self.near(steps, *node)).collect();
            near.push(new);
            near.sort_unstable_by_key(|near| Reverse(*near));
            self.select(&near, room).iter().map(|near| near.node).collect()
        };
        match layer {
            0 => self.since.set(from, &nodes),
            _ => self.upper.set(from, layer, &nodes),
        }
    }
}

#[cfg(test)]
mod tests {
    use vow_types::Embedding;

    use super::*;

    #[test]
    fn links_go_to_all_sides_rather_than_into_the_crowd() {
        let mut graph = Graph::new(2);
        for degrees in [10.0f32, 11.0, 12.0, -30.0, -31.0, 170.0] {
            let raw = [degrees.to_radians().cos(), degrees.to_radians().sin()];
            graph.hold(Embedding::from_raw(&raw).unwrap());
        }
        let to = Embedding::from_raw(&[1.0, 0.0]).unwrap();
        let mut near: Vec<Near> = (0..6).map(|node| graph.near(to.steps(), node)).collect();
        near.sort_unstable_by_key(|one| Reverse(*one));
        let taken = |count| graph.select(&near, count).iter().map(|one| one.node).collect::<Vec<_>>();
        assert_eq!(taken(5), [0, 3]);
        assert_eq!(taken(1), [0]);
    }
}

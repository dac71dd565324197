//! Delivery and read receipts.

/// What the receiver of a message confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    Delivered,
    /// Implies [`Self::Delivered`].
    Read,
}

impl Receipt {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "delivered" => Some(Self::Delivered),
            "read" => Some(Self::Read),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

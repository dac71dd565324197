//! Delivery and read receipts.

/// The confirmation of a message by its receiver.
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

//! The same for who makes an account: so that neither form waits for the other.

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {
    frontend::door::start::<frontend::door::Register>();
}

//! What everybody loads first.

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {
    frontend::door::start::<frontend::door::Login>();
}

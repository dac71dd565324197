//! The program that every visitor loads: the forms to sign in and to register.

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {
    frontend::auth::start();
}

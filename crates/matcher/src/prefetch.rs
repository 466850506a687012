//! Hints to the processor that memory will be read soon, so that many reads wait at once and not one after the other.

/// Bytes of a line of memory.
const LINE: usize = 64;

/// Every line of a value will be read soon. On processors without such a hint it is nothing.
#[inline]
pub(crate) fn prefetch<T: ?Sized>(value: &T) {
    let from = std::ptr::from_ref(value).cast::<i8>();
    for line in 0..size_of_val(value).div_ceil(LINE) {
        hint(from.wrapping_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "there is no safe way to say it")]
#[inline]
fn hint(line: *const i8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint neither reads nor faults, wherever it points to.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn hint(_: *const i8) {}

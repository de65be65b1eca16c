//! Embeddings: what rounding keeps, what is refused, and that whole numbers give what their components give.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn unit_and_stable(raw in prop::collection::vec(-100.0f32..100.0, 1..200)) {
        prop_assume!(norm(&raw) > 1e-3);
        let e = Embedding::from_raw(&raw).unwrap();
        prop_assert!((e.cosine(&e) - 1.0).abs() < 2e-3);
        prop_assert_eq!(Embedding::from_bytes(&e.to_bytes()).unwrap(), e);
    }

    /// The mean lies between the views: nearer to each than they are to one another.
    #[test]
    fn views_are_averaged_whatever_their_length(
        a in prop::collection::vec(-1.0f32..1.0, 64), b in prop::collection::vec(-1.0f32..1.0, 64),
        scale in 0.01f32..100.0,
    ) {
        prop_assume!(norm(&a) > 0.1 && norm(&b) > 0.1);
        let (one, other) = (Embedding::from_raw(&a).unwrap(), Embedding::from_raw(&b).unwrap());
        prop_assert_eq!(&Embedding::from_views(std::slice::from_ref(&a)).unwrap(), &one);
        let cosine = one.cosine(&other);
        prop_assume!(cosine > -0.9);
        let mean = Embedding::from_views(&[a.iter().map(|v| v * scale).collect(), b]).unwrap();
        let half = ((1.0 + cosine) / 2.0).sqrt();
        prop_assert!((mean.cosine(&one) - half).abs() < 5e-3 && (mean.cosine(&other) - half).abs() < 5e-3);
    }

    /// Whole numbers give what the components give.
    #[test]
    fn products_and_sums_are_those_of_the_components(
        a in prop::collection::vec(-1.0f32..1.0, 1..70), b in prop::collection::vec(-1.0f32..1.0, 70),
    ) {
        let (Ok(one), Ok(other)) = (Embedding::from_raw(&a), Embedding::from_raw(&b[..a.len()])) else { return Ok(()) };
        let numbers: Vec<f32> = other.components().collect();
        let plain: f64 = one.components().zip(&numbers).map(|(x, y)| f64::from(x) * f64::from(*y)).sum();
        prop_assert!((f64::from(one.cosine(&other)) - plain).abs() < 1e-6);
        prop_assert!((f64::from(one.product(&numbers)) - plain).abs() < 1e-6);
        let mut sum = b[..a.len()].to_vec();
        one.add_to(&mut sum);
        let expected: Vec<f32> = one.components().zip(&b).map(|(x, y)| x + y).collect();
        prop_assert_eq!(sum, expected);
    }

    #[test]
    fn together_they_are_the_same(all in prop::collection::vec(prop::collection::vec(-9.0f32..9.0, 1..9), 0..9)) {
        let all: Vec<Embedding> = all.iter().filter_map(|raw| Embedding::from_raw(raw).ok()).collect();
        let together = Embedding::together(&all);
        prop_assert_eq!(&together, &all);
        prop_assert_eq!(Embedding::together(&together[together.len() / 2..]), &all[all.len() / 2..]);
        let alike: Vec<&Embedding> = together.iter().filter(|one| one.length == together[0].length).collect();
        let shared = |pair: &[&Embedding]| Arc::ptr_eq(&pair[0].block, &pair[1].block);
        prop_assert!(alike.windows(2).all(shared), "one piece of memory");
    }

    #[test]
    fn lent_ones_are_the_same(raws in prop::collection::vec(prop::collection::vec(-9.0f32..9.0, 5), 0..9)) {
        let own: Vec<Embedding> = raws.iter().filter_map(|raw| Embedding::from_raw(raw).ok()).collect();
        let numbers: Vec<i16> = own.iter().flat_map(Embedding::steps).copied().collect();
        prop_assert!(numbers.chunks(5).all(Embedding::is_one));
        let lent = Lent::new(Box::new(numbers), 5, num::len_u32(own.len()));
        for (number, own) in (0..).zip(&own) {
            prop_assert_eq!(&lent.get(number).unwrap(), own);
            prop_assert_eq!(lent.steps(number), own.steps());
            prop_assert_eq!(cosine(own.steps(), lent.steps(number)), own.cosine(own));
        }
        prop_assert!(lent.get(lent.count()).is_none() && lent.steps(lent.count()).is_empty());
    }

    #[test]
    fn several_are_read_as_one_by_one(bytes in prop::collection::vec(any::<u8>(), 0..60), length in 0usize..6) {
        let one_by_one = || bytes.chunks(2 * length).map(Embedding::from_bytes).collect::<Result<Vec<_>, _>>();
        match Embedding::several_from_bytes(&bytes, length) {
            Ok(all) => prop_assert_eq!(Ok(all), one_by_one()),
            Err(EmbeddingError::Length(_)) => prop_assert!(length == 0 || bytes.len() % (2 * length) > 0),
            Err(_) => prop_assert!(one_by_one().is_err()),
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Embedding::from_bytes(&bytes);
    }
}

#[test]
fn two_bytes_a_component_keep_the_direction() {
    let raw: Vec<f32> = (0..512u16).map(|i| (f32::from(i) * 0.37).sin()).collect();
    let e = Embedding::from_raw(&raw).unwrap();
    let kept: Vec<f32> = e.components().collect();
    let cosine = dot(&raw, &kept) / norm(&raw) / norm(&kept);
    assert!(cosine > 0.999_999, "{cosine}");
}

#[test]
fn what_is_no_unit_vector_is_not_read() {
    let read = |values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        Embedding::from_bytes(&bytes).map(|one| one.components().collect::<Vec<_>>())
    };
    assert_eq!(read(&[0.6, -0.8]), Ok(vec![0.600_097_66, -0.799_804_7]));
    for values in [&[0.0, 0.0][..], &[0.6, 0.7], &[0.7, 0.8], &[1.9, 1.9], &[60_000.0, 0.0]] {
        assert_eq!(read(values), Err(EmbeddingError::NotUnit), "{values:?}");
    }
}

#[test]
fn nothing_has_no_direction() {
    for raw in [&[0.0f32; 8][..], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0], &[]] {
        assert_eq!(Embedding::from_raw(raw), Err(EmbeddingError::NoDirection));
        assert_eq!(Embedding::from_views(&[raw.to_vec(), vec![1.0; 8]]), Err(EmbeddingError::NoDirection));
    }
    assert_eq!(Embedding::from_views(&[]), Err(EmbeddingError::NoDirection));
    assert_eq!(Embedding::from_views(&[vec![1.0, 2.0], vec![-1.0, -2.0]]), Err(EmbeddingError::NoDirection));
}

#[test]
fn a_share_is_small() {
    assert_eq!(size_of::<Embedding>(), 16);
}

#[test]
fn what_was_lent_and_is_no_more_is_near_to_nothing() {
    let lent = Lent::new(Box::new(Vec::new()), 2, 1);
    let (one, there) = (lent.get(0).unwrap(), Embedding::from_raw(&[1.0, 0.0]).unwrap());
    assert_eq!((one.cosine(&there), one.dimension()), (0.0, 2));
}

/// Two million photos' vectors must not take memory while there is no index yet.
#[test]
fn many_together_count_as_a_table() {
    let one = Embedding::from_raw(&[3.0; 128]).unwrap();
    let (many, before) = (vec![one; 60_000], vow_tables::held());
    let together = Embedding::together(&many);
    let held = vow_tables::held();
    // 15 MB; other tests have tables of their own.
    assert!(held.memory + held.files > before.memory + before.files + 14_000_000, "{before:?}, {held:?}");
    assert!(together == many);
}

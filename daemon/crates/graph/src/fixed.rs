//! Copies with fixed sizes, for runtimes that want them.

use prost::bytes::Bytes;

use crate::batch::BATCH;
use crate::error::NotPrepared;
use crate::model::{Model, Port, PortDim};
use crate::prepare::places;

/// The same graph for exactly `batch` pictures of `height` times `width` pixels. Notes about shapes inside are dropped:
/// they speak of the open dimensions.
///
/// # Errors
/// When it cannot be read, or is fixed to something else.
pub fn fixed(graph: &[u8], batch: u32, height: u32, width: u32) -> Result<Vec<u8>, NotPrepared> {
    let mut model = Model::read(Bytes::copy_from_slice(graph))?;
    let mut input = model.input()?;
    let places = places(&input)?;
    let wanted = [batch, height, width].map(i64::from);
    for (place, wanted) in places.into_iter().zip(wanted) {
        let dim = input.dims.as_mut().and_then(|dims| dims.get_mut(place));
        match dim {
            Some(PortDim::Is(value)) if *value != wanted => {
                return Err(NotPrepared::form(format!(
                    "it is fixed to {value} where {wanted} was asked for"
                )));
            }
            Some(dim) => *dim = PortDim::Is(wanted),
            None => {}
        }
    }
    model.graph.input = vec![input.write()];
    for output in &mut model.graph.output {
        let mut port = Port::read(output)?;
        if let Some([first, ..]) = port.dims.as_deref_mut()
            && matches!(first, PortDim::Open(Some(name)) if name == BATCH)
        {
            *first = PortDim::Is(i64::from(batch));
        }
        *output = port.write();
    }
    model.graph.value_info.clear();
    Ok(model.write())
}

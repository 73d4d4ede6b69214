//! Publishing images in the target's registry.

use harness_plan::PublishImage;

use crate::drive::context::Context;
use crate::error::ActionError;

/// Pushes the image to the run's own part of the registry: on a cluster that stays, the images of earlier runs stay too.
pub(super) async fn act(image: &PublishImage, context: &Context) -> Result<(), ActionError> {
    let name = format!("{}/{}", context.namespace(), image.image);
    context.cluster.publish_image(&name, &image.tag).await?;
    Ok(())
}

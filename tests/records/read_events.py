"""What TensorBoard's own reader finds in a folder of event files: a line for each tag. Exits with 3 without TensorBoard."""
import sys

try:
    from tensorboard.backend.event_processing import event_accumulator
except ImportError:
    sys.exit(3)

reader = event_accumulator.EventAccumulator(sys.argv[1])
reader.Reload()
tags = reader.Tags()
for tag in sorted(tags["scalars"]):
    print("scalar", tag, *(f"{event.step}:{event.value:g}" for event in reader.Scalars(tag)))
for tag in sorted(tags["images"]):
    print("image", tag, *(f"{e.step}:{e.height}x{e.width}:{len(e.encoded_image_string)} bytes" for e in reader.Images(tag)))
for tag in sorted(tags["tensors"]):
    print("text", tag, *(f"{e.step}:{e.tensor_proto.string_val[0].decode()}" for e in reader.Tensors(tag)))

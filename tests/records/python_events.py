"""Prints the bytes that event_file_test.cpp expects, as TensorBoard writes them. For whoever changes an event."""
import io

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

THEN = 1764396000.25


def value(**fields):
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(**fields)])


text = tensor_pb2.TensorProto(
    dtype=types_pb2.DT_STRING,
    tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)]),
    string_val=[b"epochs: 3\n"])
shown_as_text = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"))
image = summary_pb2.Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=b"not a PNG")
scalars = summary_pb2.Summary(value=[
    summary_pb2.Summary.Value(tag="train/loss", simple_value=0.5),
    summary_pb2.Summary.Value(tag="lr", simple_value=0)])
events = {
    "version": event_pb2.Event(wall_time=THEN, file_version="brain.Event:2"),
    "start": event_pb2.Event(wall_time=THEN, step=300, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
    "scalars": event_pb2.Event(wall_time=THEN, step=7, summary=scalars),
    "text": event_pb2.Event(wall_time=THEN, step=1_000_000, summary=value(tag="config", tensor=text, metadata=shown_as_text)),
    "image": event_pb2.Event(wall_time=THEN, step=1, summary=value(tag="batch", image=image)),
}
for name, event in events.items():
    file = io.BytesIO()
    RecordWriter(file).write(event.SerializeToString(deterministic=True))
    print(name, file.getvalue().hex())

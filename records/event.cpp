#include "millrace/records/event.h"

#include "millrace/records/protobuf.h"

namespace millrace::records {
namespace {

// Numbers of fields, by message.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session_log {
constexpr int kStatus = 1;
constexpr int64_t kStart = 1;
}  // namespace session_log
namespace summary {
constexpr int kValue = 1;
}
namespace value {
constexpr int kTag = 1, kSimpleValue = 2, kImage = 4, kTensor = 8, kMetadata = 9;
}
namespace image {
constexpr int kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4;
}
namespace metadata {
constexpr int kPluginData = 1, kPluginName = 1;
}
namespace tensor {
constexpr int kType = 1, kShape = 2, kStrings = 8, kDimension = 2, kSize = 1;
constexpr int64_t kString = 7;
}  // namespace tensor

ProtobufMessage event_at(double wall_time, int64_t step) {
  return ProtobufMessage().real(event::kWallTime, wall_time).integer(event::kStep, step);
}

std::string summary_event(double wall_time, int64_t step, const ProtobufMessage& summary) {
  return event_at(wall_time, step).message(event::kSummary, summary).bytes();
}

}  // namespace

std::string version_event(double wall_time) {
  return event_at(wall_time, 0).text(event::kFileVersion, "brain.Event:2").bytes();
}

std::string start_event(double wall_time, int64_t first_step) {
  return event_at(wall_time, first_step)
      .message(event::kSessionLog, ProtobufMessage().integer(session_log::kStatus, session_log::kStart))
      .bytes();
}

std::string scalars_event(double wall_time, int64_t step, const std::vector<Metric>& scalars) {
  ProtobufMessage summary;
  for (const Metric& scalar : scalars)
    summary.message(
        summary::kValue,
        ProtobufMessage().text(value::kTag, scalar.name).real(value::kSimpleValue, static_cast<float>(scalar.value)));
  return summary_event(wall_time, step, summary);
}

std::string text_event(double wall_time, int64_t step, std::string_view tag, std::string_view text) {
  // A tensor of one string, which the plugin "text" is to show.
  const auto shape = ProtobufMessage().message(tensor::kDimension, ProtobufMessage().integer(tensor::kSize, 1));
  const auto strings = ProtobufMessage()
                           .integer(tensor::kType, tensor::kString)
                           .message(tensor::kShape, shape)
                           .text(tensor::kStrings, text);
  const auto metadata =
      ProtobufMessage().message(metadata::kPluginData, ProtobufMessage().text(metadata::kPluginName, "text"));
  return summary_event(wall_time, step,
                       ProtobufMessage().message(summary::kValue, ProtobufMessage()
                                                                      .text(value::kTag, tag)
                                                                      .message(value::kTensor, strings)
                                                                      .message(value::kMetadata, metadata)));
}

std::string image_event(double wall_time, int64_t step, std::string_view tag, const EncodedImage& image) {
  const auto encoded = ProtobufMessage()
                           .integer(image::kHeight, image.height)
                           .integer(image::kWidth, image.width)
                           .integer(image::kColorspace, image.channels)
                           .text(image::kEncoded, image.png);
  return summary_event(wall_time, step,
                       ProtobufMessage().message(
                           summary::kValue, ProtobufMessage().text(value::kTag, tag).message(value::kImage, encoded)));
}

}  // namespace millrace::records

/*
 * A Neuron Runtime for tests: the functions of libneuron_runtime.so that the daemon calls, over a network that runs on
 * the CPU in half precision, as the NPU's does. It refuses every argument that is not what the API asks for.
 *
 * $NEURON_TEST_ORDERS names a file with lines "FUNCTION ACTION", read at each call: fail, hang, crash, nan, unwritten,
 * wrong, half. $NEURON_TEST_CALLS names a file to which each call adds its name and process.
 *
 * -DOLD leaves out what came later: CPUThreadNum in the options, and NeuronRuntime_getVersion.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NO_ERROR, OUT_OF_MEMORY, INCOMPLETE, UNEXPECTED_NULL, BAD_DATA, BAD_STATE, RUNTIME_ERROR };

typedef struct {
  uint32_t deviceKind;
  int MDLACoreOption;
#ifndef OLD
  uint8_t CPUThreadNum;
#endif
  bool suppressInputConversion;
  bool suppressOutputConversion;
} EnvOptions;
typedef struct {
  int ionFd;
} BufferAttribute;

enum { HEIGHT = 96, WIDTH = 64, MOST_LAYERS = 64 };
typedef struct {
  uint32_t depthwise, size, stride, inputs, outputs;
  float *kernel, *bias;
} Layer;
typedef struct {
  int layers;
  Layer layer[MOST_LAYERS];
  float *input, *output;
} Runtime;

static Runtime *created;
static char text[4096];

static char *environment_file(const char *variable) {
  const char *path = getenv(variable);
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return NULL;
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  return text;
}

/* What this call is to do: the word behind the name of the function, or NULL. */
static const char *order(const char *function) {
  const char *calls = getenv("NEURON_TEST_CALLS");
  FILE *log = calls ? fopen(calls, "a") : NULL;
  if (log) {
    fprintf(log, "%s %d\n", function, (int)getpid());
    fclose(log);
  }
  char *action = NULL;
  char *orders = environment_file("NEURON_TEST_ORDERS"), *rest = NULL;
  for (char *line = orders ? strtok_r(orders, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
    size_t length = strlen(function);
    if (strncmp(line, function, length) == 0 && line[length] == ' ') action = line + length + 1;
  }
  if (action && strcmp(action, "hang") == 0)
    for (;;) pause();
  if (action && strcmp(action, "crash") == 0) abort();
  if (action && strcmp(action, "fail") == 0) fprintf(stderr, "ERROR: %s was told to fail\n", function);
  return action;
}
static bool is(const char *action, const char *name) { return action && strcmp(action, name) == 0; }

/* To the nearest number of half precision. */
static float half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  bits += 0xfff + ((bits >> 13) & 1);
  bits &= ~0x1fffu;
  memcpy(&value, &bits, 4);
  return fabsf(value) < 5.96e-8f ? 0 : fabsf(value) > 65504 ? copysignf(INFINITY, value) : value;
}

int NeuronRuntime_create(const EnvOptions *options, void **runtime) {
  const char *action = order("create");
  if (!options || !runtime) return UNEXPECTED_NULL;
  if (options->deviceKind != 1 << 2 || options->MDLACoreOption < 0 || options->MDLACoreOption > 2) return BAD_DATA;
  /* As float32 is given and expected. A byte that is none of a bool, too, is a layout that was got wrong. */
  if (*(const uint8_t *)&options->suppressInputConversion || *(const uint8_t *)&options->suppressOutputConversion)
    return BAD_DATA;
  if (is(action, "fail")) return RUNTIME_ERROR;
  *runtime = created = calloc(1, sizeof(Runtime));
  return NO_ERROR;
}

static float *floats(FILE *file, size_t count) {
  float *values = malloc(count * sizeof *values);
  if (fread(values, sizeof *values, count, file) != count) values[0] = NAN;
  for (size_t i = 0; i < count; i++) values[i] = half(values[i]);
  return values;
}

int NeuronRuntime_loadNetworkFromFile(void *runtime, const char *path) {
  const char *action = order("loadNetworkFromFile");
  if (!runtime || !path) return UNEXPECTED_NULL;
  if (runtime != created || is(action, "fail")) return BAD_DATA;
  FILE *file = fopen(path, "rb");
  char magic[4];
  uint32_t layers;
  if (!file || fread(magic, 1, 4, file) != 4 || memcmp(magic, "TDLA", 4) != 0) return BAD_DATA;
  if (fread(&layers, 4, 1, file) != 1 || layers > MOST_LAYERS) return BAD_DATA;
  for (created->layers = 0; created->layers < (int)layers; created->layers++) {
    Layer *layer = &created->layer[created->layers];
    if (fread(layer, 4, 5, file) != 5) return BAD_DATA;
    size_t inputs = layer->depthwise ? 1 : layer->inputs;
    layer->kernel = floats(file, layer->size * layer->size * inputs * layer->outputs);
    layer->bias = floats(file, layer->outputs);
  }
  fclose(file);
  return NO_ERROR;
}

static size_t output_values(void) { return created->layer[created->layers - 1].outputs; }

int NeuronRuntime_getInputSize(void *runtime, uint64_t handle, size_t *size) {
  const char *action = order("getInputSize");
  if (!runtime || !size) return UNEXPECTED_NULL;
  if (runtime != created || handle != 0 || created->layers == 0) return BAD_DATA;
  *size = HEIGHT * WIDTH * (is(action, "half") ? 2 : 4);
  return NO_ERROR;
}

int NeuronRuntime_getOutputSize(void *runtime, uint64_t handle, size_t *size) {
  order("getOutputSize");
  if (!runtime || !size) return UNEXPECTED_NULL;
  if (runtime != created || handle != 0 || created->layers == 0) return BAD_DATA;
  *size = output_values() * 4;
  return NO_ERROR;
}

static int check_buffer(void *runtime, uint64_t handle, const void *buffer, size_t length, BufferAttribute attribute,
                        size_t values) {
  if (!runtime || !buffer) return UNEXPECTED_NULL;
  if (runtime != created || handle != 0 || attribute.ionFd != -1) return BAD_DATA;
  return length == values * 4 && (uintptr_t)buffer % 4 == 0 ? NO_ERROR : BAD_DATA;
}

/* Takes the input as it is now: a runtime that converts it may. So it must be set for each inference. */
int NeuronRuntime_setInput(void *runtime, uint64_t handle, const void *buffer, size_t length,
                           BufferAttribute attribute) {
  order("setInput");
  int code = check_buffer(runtime, handle, buffer, length, attribute, HEIGHT * WIDTH);
  if (code != NO_ERROR) return code;
  created->input = realloc(created->input, length);
  memcpy(created->input, buffer, length);
  return NO_ERROR;
}

int NeuronRuntime_setOutput(void *runtime, uint64_t handle, void *buffer, size_t length, BufferAttribute attribute) {
  order("setOutput");
  int code = check_buffer(runtime, handle, buffer, length, attribute, output_values());
  if (code == NO_ERROR) created->output = buffer;
  return code;
}

/* Convolution with padding SAME and ReLU; heights and widths are of the input. */
static float *convolve(const Layer *l, const float *in, int height, int width) {
  int rows = (height + l->stride - 1) / l->stride, columns = (width + l->stride - 1) / l->stride;
  int missing_rows = (rows - 1) * (int)l->stride + (int)l->size - height;
  int missing_columns = (columns - 1) * (int)l->stride + (int)l->size - width;
  int top = missing_rows > 0 ? missing_rows / 2 : 0, left = missing_columns > 0 ? missing_columns / 2 : 0;
  float *out = malloc(sizeof *out * rows * columns * l->outputs);
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++) {
      float *sum = out + (y * columns + x) * l->outputs;
      memcpy(sum, l->bias, sizeof *sum * l->outputs);
      for (int ky = 0; ky < (int)l->size; ky++)
        for (int kx = 0; kx < (int)l->size; kx++) {
          int row = y * (int)l->stride + ky - top, column = x * (int)l->stride + kx - left;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          const float *values = in + (row * width + column) * l->inputs;
          const float *kernel = l->kernel + (ky * l->size + kx) * (l->depthwise ? 1 : l->inputs) * l->outputs;
          if (l->depthwise)
            for (uint32_t c = 0; c < l->outputs; c++) sum[c] += values[c] * kernel[c];
          else
            for (uint32_t i = 0; i < l->inputs; i++, kernel += l->outputs)
              for (uint32_t c = 0; c < l->outputs; c++) sum[c] += values[i] * kernel[c];
        }
      for (uint32_t c = 0; c < l->outputs; c++) sum[c] = half(sum[c] > 0 ? sum[c] : 0);
    }
  return out;
}

int NeuronRuntime_inference(void *runtime) {
  const char *action = order("inference");
  if (!runtime) return UNEXPECTED_NULL;
  if (runtime != created || !created->input || !created->output) return BAD_STATE;
  if (is(action, "fail")) return RUNTIME_ERROR;
  if (is(action, "unwritten")) return NO_ERROR;
  int height = HEIGHT, width = WIDTH;
  float *plane = malloc(HEIGHT * WIDTH * 4);
  for (int i = 0; i < HEIGHT * WIDTH; i++) plane[i] = half(created->input[i]);
  for (const Layer *layer = created->layer; layer < created->layer + created->layers; layer++) {
    float *next = convolve(layer, plane, height, width);
    free(plane);
    plane = next;
    height = (height + layer->stride - 1) / layer->stride;
    width = (width + layer->stride - 1) / layer->stride;
  }
  for (size_t c = 0; c < output_values(); c++) {
    float sum = 0;
    for (int i = 0; i < height * width; i++) sum += plane[i * output_values() + c];
    created->output[c] = is(action, "nan") ? NAN : half(sum / (height * width)) * (is(action, "wrong") ? 1.2f : 1);
  }
  free(plane);
  free(created->input);
  created->input = NULL;
  return NO_ERROR;
}

void NeuronRuntime_release(void *runtime) {
  order("release");
  if (runtime == created) created = NULL;
}

#ifndef OLD
typedef struct {
  uint8_t major, minor, patch;
} NeuronVersion;

int NeuronRuntime_getVersion(NeuronVersion *version) {
  if (!version) return UNEXPECTED_NULL;
  *version = (NeuronVersion){6, 0, 5};
  return NO_ERROR;
}
#endif

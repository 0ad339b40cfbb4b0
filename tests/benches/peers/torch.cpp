// PyTorch through its C++ library, behind functions that the bench can load: built by peers.sh.
//
// Every function returns null or -1 where PyTorch throws, and says on stderr what it threw.

#include <ATen/Parallel.h>
#include <torch/script.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

// A policy as TorchScript.
struct Policy {
  torch::jit::Module module;
};

// Layers without the last one's activation, over a batch: dense on [batch][features], or CSR weights
// on [features][batch].
struct Batch {
  std::vector<at::Tensor> weights, biases;
  int64_t samples;
  bool csr;
};

at::Tensor borrow(const float *data, int64_t rows, int64_t columns) {
  return at::from_blob(const_cast<float *>(data), {rows, columns}, at::kFloat);
}

template <class Run> auto guarded(Run run, decltype(run()) failed) {
  try {
    c10::InferenceMode inference;
    return run();
  } catch (const std::exception &error) {
    std::fprintf(stderr, "PyTorch: %s\n", error.what());
    return failed;
  }
}

}  // namespace

extern "C" {

void *peer_torch_open(const char *path) {
  at::set_num_threads(1);
  return guarded(
      [&] {
        auto module = torch::jit::load(path);
        module.eval();
        return new Policy{module};
      },
      static_cast<Policy *>(nullptr));
}

int peer_torch_step(void *handle, const float *observation, int64_t observations, float *action,
                    int64_t actions) {
  return guarded(
      [&] {
        auto out = static_cast<Policy *>(handle)->module.forward({borrow(observation, 1, observations)});
        std::memcpy(action, out.toTensor().const_data_ptr<float>(), actions * sizeof(float));
        return 0;
      },
      -1);
}

// `widths` of `layers` + 1; weights row-major [rows][columns].
void *peer_torch_batch_open(int64_t layers, const int64_t *widths, const float *const *weights,
                            const float *const *biases, int64_t samples, int csr) {
  return guarded(
      [&] {
        auto batch = new Batch{{}, {}, samples, csr != 0};
        for (int64_t layer = 0; layer < layers; ++layer) {
          auto weight = borrow(weights[layer], widths[layer + 1], widths[layer]).clone();
          auto bias = borrow(biases[layer], 1, widths[layer + 1]).clone();
          batch->weights.push_back(csr ? weight.to_sparse_csr() : weight);
          batch->biases.push_back(csr ? bias.t().contiguous() : bias.squeeze(0));
        }
        return batch;
      },
      static_cast<Batch *>(nullptr));
}

int peer_torch_batch_run(void *handle, int threads, const float *x, int64_t inputs, float *y) {
  return guarded(
      [&] {
        auto &batch = *static_cast<Batch *>(handle);
        at::set_num_threads(threads);
        auto out = batch.csr ? borrow(x, inputs, batch.samples) : borrow(x, batch.samples, inputs);
        for (size_t layer = 0; layer < batch.weights.size(); ++layer) {
          const auto &weight = batch.weights[layer], &bias = batch.biases[layer];
          out = batch.csr ? at::mm(weight, out).add_(bias) : at::linear(out, weight, bias);
          if (layer + 1 < batch.weights.size()) out.relu_();
        }
        std::memcpy(y, out.const_data_ptr<float>(), out.numel() * sizeof(float));
        return 0;
      },
      -1);
}

}

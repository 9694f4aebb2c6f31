// A graph of scalar minima and maxima as Taskflow tasks. One graph per process.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <taskflow/taskflow.hpp>
#include <vector>

static std::unique_ptr<tf::Executor> executor;
static tf::Taskflow graph;
static std::vector<float> values;
static float fed = 1;

extern "C" void build(int threads, std::int64_t nodes, const std::int64_t *inputs) {
    executor = std::make_unique<tf::Executor>(threads);
    values.resize(nodes);
    std::vector<tf::Task> tasks(nodes);
    for (std::int64_t i = 0; i < nodes; ++i) {
        const std::int64_t a = inputs[2 * i], b = inputs[2 * i + 1];
        const float *x = a < 0 ? &fed : &values[a], *y = b < 0 ? &fed : &values[b];
        float *out = &values[i];
        tasks[i] = i % 2 ? graph.emplace([=] { *out = std::max(*x, *y); }) : graph.emplace([=] { *out = std::min(*x, *y); });
        if (a >= 0) tasks[a].precede(tasks[i]);
        if (b >= 0 && b != a) tasks[b].precede(tasks[i]);
    }
}

extern "C" void run(std::int64_t calls) {
    for (; calls > 0; --calls) executor->run(graph).wait();
}

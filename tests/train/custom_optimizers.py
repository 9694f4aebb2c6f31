"""Optimisers as programs for TensorFlow 1.15 write them. Whose module they are made for is an argument."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def sign_optimizer(tf: ModuleType) -> Any:
    """The hooks of reference variables alone; those of resources say that they are not implemented."""

    class SignOptimizer(tf.train.Optimizer):
        """step = rate * sign(average of gradients)"""

        def __init__(self, learning_rate=0.1, decay=0.5, use_locking=False, name="Sign"):
            super().__init__(use_locking, name)
            self._lr, self._decay = learning_rate, decay
            self._lr_t = self._decay_t = None

        def _prepare(self):
            self._lr_t = tf.convert_to_tensor(self._call_if_callable(self._lr), name="learning_rate")
            self._decay_t = tf.convert_to_tensor(self._call_if_callable(self._decay), name="decay")

        def _create_slots(self, var_list):
            for v in var_list:
                self._zeros_slot(v, "average", self._name)

        def _apply_dense(self, grad, var):
            lr_t = tf.cast(self._lr_t, var.dtype.base_dtype)
            decay_t = tf.cast(self._decay_t, var.dtype.base_dtype)
            average = self.get_slot(var, "average")
            mixed = decay_t * average + (1 - decay_t) * grad
            average_t = average.assign(mixed, use_locking=self._use_locking)
            var_update = tf.assign_sub(var, lr_t * tf.sign(average_t), use_locking=self._use_locking)
            return tf.group(*[var_update, average_t])

        def _apply_sparse(self, grad, var):
            lr_t = tf.cast(self._lr_t, var.dtype.base_dtype)
            update = lr_t * tf.sign(grad.values)
            return tf.scatter_sub(var, grad.indices, update, use_locking=self._use_locking)

        def _resource_apply_dense(self, grad, handle):
            raise NotImplementedError("reference variables only")

        def _resource_apply_sparse(self, grad, handle, indices):
            raise NotImplementedError("reference variables only")

    return SignOptimizer


def lazy_adam(tf: ModuleType) -> Any:
    """A subclass that changes the sparse update of Adam and uses what Adam prepared."""

    class LazyAdam(tf.train.AdamOptimizer):
        """Adam whose moments decay only in the rows that have a gradient."""

        def _apply_sparse(self, grad, var):
            return self._rows(grad.values, var, grad.indices)

        def _resource_apply_sparse(self, grad, var, indices):
            return self._rows(grad, var, indices)

        def _rows(self, values, var, indices):
            kind = var.dtype.base_dtype
            beta1_power, beta2_power = self._get_beta_accumulators()
            beta1_power, beta2_power = tf.cast(beta1_power, kind), tf.cast(beta2_power, kind)
            lr_t, beta1_t, beta2_t, epsilon_t = (
                tf.cast(t, kind) for t in (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
            )
            lr = lr_t * tf.sqrt(1 - beta2_power) / (1 - beta1_power)
            m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
            m_rows = beta1_t * tf.gather(m, indices) + (1 - beta1_t) * values
            v_rows = beta2_t * tf.gather(v, indices) + (1 - beta2_t) * tf.square(values)
            m_t = tf.scatter_update(m, indices, m_rows, use_locking=self._use_locking)
            v_t = tf.scatter_update(v, indices, v_rows, use_locking=self._use_locking)
            step = lr * tf.gather(m_t, indices) / (tf.sqrt(tf.gather(v_t, indices)) + epsilon_t)
            return tf.group(tf.scatter_sub(var, indices, step, use_locking=self._use_locking), m_t, v_t)

    return LazyAdam


def counting_optimizer(tf: ModuleType) -> Any:
    """The hooks of resources, all kinds of slots, a variable of no slot, and a `_finish` that changes it."""

    class CountingOptimizer(tf.train.Optimizer):
        """step = rate / count * gradient + a pull towards where the variable began"""

        def __init__(self, learning_rate, pull=0.1, name="Counting"):
            super().__init__(False, name)
            self._learning_rate, self._pull = learning_rate, pull

        def _create_slots(self, var_list):
            first = min(var_list, key=lambda v: v.name)
            self._create_non_slot_variable(initial_value=1.0, name="count", colocate_with=first)
            for v in var_list:
                self._get_or_make_slot(v, tf.zeros_like(v.initialized_value()) + 2.0, "scale", self._name)
                self._get_or_make_slot_with_initializer(
                    v,
                    tf.constant_initializer(3.0),
                    v.shape,
                    v.dtype.base_dtype,
                    "seen",
                    self._name,
                )

        def _prepare(self):
            self._rate_t = tf.convert_to_tensor(self._learning_rate, name="learning_rate")
            self._graph_count = self._get_non_slot_variable("count", graph=tf.get_default_graph())

        def _step(self, grad, var):
            scale, seen = self.get_slot(var, "scale"), self.get_slot(var, "seen")
            with tf.control_dependencies([seen.assign_add(tf.abs(grad))]):
                step = self._rate_t / self._graph_count * grad + self._pull * (scale - var)
                return tf.assign_sub(var, step)

        def _resource_apply_dense(self, grad, var):
            return self._step(grad, var)

        def _apply_dense(self, grad, var):
            return self._step(grad, var)

        def _finish(self, update_ops, name_scope):
            with (
                tf.control_dependencies([*update_ops, self._graph_count]),
                tf.colocate_with(self._graph_count),
            ):
                count = self._graph_count.assign_add(1.0, use_locking=self._use_locking)
            return tf.group(*[*update_ops, count], name=name_scope)

    return CountingOptimizer


def decaying(tf: ModuleType, base: Any) -> Any:
    """Decoupled weight decay around any optimiser: each hook does its part and calls that of the base."""

    class Decaying(base):
        def _shrink_after(self, update, var):
            with tf.control_dependencies([update]):
                return var.assign_sub(0.1 * var)

        def _apply_dense(self, grad, var):
            return self._shrink_after(super()._apply_dense(grad, var), var)

        def _resource_apply_dense(self, grad, var):
            return self._shrink_after(super()._resource_apply_dense(grad, var), var)

        def _apply_sparse(self, grad, var):
            return self._shrink_after(super()._apply_sparse(grad, var), var)

        def _resource_apply_sparse(self, grad, var, indices):
            return self._shrink_after(super()._resource_apply_sparse(grad, var, indices), var)

    return Decaying


def train(tf: ModuleType, optimizer: Any, sparse: bool, steps: int) -> Any:
    """The variable after some steps of a loss that reads all of it, or rows 1, 1 and 2."""
    v = tf.Variable([[1.0, -2.0], [3.0, 0.5], [-1.0, 2.0]], name="v")
    read = tf.gather(v, [1, 1, 2]) if sparse else v * 1.0
    loss = tf.reduce_sum(tf.square(read - 0.25))
    step = optimizer.minimize(loss, var_list=[v])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(steps):
            sess.run(step)
        return sess.run(v)

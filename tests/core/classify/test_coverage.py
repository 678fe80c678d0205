"""How much of a message stands in an intent's examples."""

import numpy as np
from scipy import sparse

from core.classify.coverage import covered, covered_apart, occurring, present

ROWS = sparse.csr_matrix(
    np.sqrt(
        np.array(
            [
                [0.5, 0.5, 0.0, 0.0],  # intent 0
                [0.5, 0.0, 0.5, 0.0],  # intent 0
                [0.0, 0.0, 0.25, 0.75],  # intent 1
                [0.0, 0.0, 0.0, 1.0],  # background
            ],
            np.float32,
        )
    )
)
STARTS, LABELS = np.array([0, 2, 3]), np.array([0, 0, 1, 2])


def test_a_message_is_covered_by_what_any_example_of_an_intent_has() -> None:
    message = sparse.csr_matrix(np.sqrt(np.array([[0.2, 0.3, 0.4, 0.1]], np.float32)))
    shares = covered(message, present(occurring(ROWS, STARTS)))
    assert np.allclose(shares, [[0.9, 0.5]])


def test_an_example_is_not_covered_by_what_it_alone_has() -> None:
    shares = covered_apart(ROWS, STARTS, LABELS)
    assert np.allclose(shares, [[0.5, 0.0], [0.5, 0.5], [0.25, 0.0], [0.0, 1.0]])

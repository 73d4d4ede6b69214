//! What is asked: the scenario format, its validation and the plan.

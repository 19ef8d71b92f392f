"""Why a connection ended: from a signature's facts to a cause, its certainty and the error each application gets."""

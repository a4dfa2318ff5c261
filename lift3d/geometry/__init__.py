"""Pure tensor functions, any batch shape, none of lift3d's classes."""

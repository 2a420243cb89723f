"""Measuring a face on a picture: MediaPipe's landmarks, ARKit weights and head pose."""

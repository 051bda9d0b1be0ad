"""The work of the daemon's threads: one watches a camera, another reads keyframes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from streamwatch.app.lifecycle import Lifecycle, Phase
from streamwatch.app.persistence import Persistence
from streamwatch.app.substream_camera import Camera
from streamwatch.app.write_queue import WriteQueue
from streamwatch.core.clock import Clock
from streamwatch.core.events import Event, VehiclePushed
from streamwatch.core.model import Attention, Frame, JudgedPlate, Keyframe
from streamwatch.gate import FrameReport, Why
from streamwatch.pipeline import Channel, Dispatcher, Intake, Job, Pipeline
from streamwatch.store import EvidenceFiles, LastView, Store
from streamwatch.system.heartbeat import Heartbeat

FRAME_WAIT = 1.2  # s that a camera's thread waits for a frame before it looks at its answers and for the end again
JOB_WAIT = 10.0  # s that a reader sleeps at most while there is no work
ANSWERS = 200  # answers that may wait for a camera's thread

Answer = tuple[Keyframe, tuple[JudgedPlate, ...] | None]
"""A keyframe, and the plates that were read in it; None if no engine answered."""


@dataclass(frozen=True, slots=True)
class ViewWanted:
    """One more view of a passage (by its key) is to be read at once. captured_at: of the view before."""

    passage: str
    captured_at: datetime


Message = Answer | ViewWanted
"""The message to a camera's thread."""
Show = Callable[[Frame, Callable[[], FrameReport | None]], None]
"""Gets a frame, and a function that returns what the gate saw in it."""


def answers() -> Channel[Message]:
    """Return the channel in which a camera's gate gets its answers.

    If they pile up, the oldest capture gives way: an answer that the gate misses can only cost one call more.
    """
    return Channel(ANSWERS, worth=lambda one: _captured_at(one).timestamp())


def _captured_at(message: Message) -> datetime:
    return message.captured_at if isinstance(message, ViewWanted) else message[0].captured_at


class CameraWorker:
    """Shows the frames of one camera to its gate, and submits the events that follow."""

    def __init__(
        self,
        camera: Camera,
        intake: Intake,
        answers: Channel[Message],
        submit: Callable[[Event], None],
        over: Callable[[], bool],
        attentive: bool,
        show: Show,
    ) -> None:
        """over: True once the work has to end. attentive: the camera decodes fewer frames while the gate says that
        nothing happens. show: gets each frame that the gate has looked at, for pages.
        """
        self._camera, self._intake, self._answers = camera, intake, answers
        self._submit, self._over, self._attentive, self._show = submit, over, attentive, show

    def run(self, heartbeat: Heartbeat) -> None:
        """Work until it has to end, or the recording ends. Raise SourceUnreadable, ChannelClosed."""
        try:
            while not self._over() and not self._camera.ended:
                heartbeat.beat()
                self._step()
        finally:
            self._camera.close()
            for event in self._intake.finish():
                self._submit(event)

    def _step(self) -> None:
        for message in self._answers.take_all():
            if not isinstance(message, ViewWanted):
                self._intake.answered(*message)
            elif self._intake.want_second_view(message.passage):
                self._camera.attend(Attention.ALL)  # its vehicle may stand still, and few frames are looked at then
        frame = self._camera.next_frame(FRAME_WAIT)
        if frame is None or (self._attentive and self._camera.attend(self._intake.attention(frame))):
            return
        events = self._intake.look(frame)
        self._show(frame, lambda: self._intake.report)
        for event in events:
            self._submit(event)


class CameraAccess:
    """The pipeline and the database as a camera's thread uses them."""

    def __init__(self, pipeline: Pipeline, store: Store, writer: WriteQueue, clock: Clock) -> None:
        self._pipeline, self._store, self._writer, self._clock = pipeline, store, writer, clock

    def submit(self, event: Event) -> None:
        """Have the recorder take an event. Raise ChannelClosed."""
        self._writer.put(partial(self._pipeline.take, event))

    def push(self, event: VehiclePushed) -> bool:
        """Have the recorder take a vehicle that a camera has sent, and wait until it is safely stored.

        Return False if it was stored before. Raise ChannelClosed, StoreError.
        """
        is_new = True

        def take() -> None:
            nonlocal is_new
            is_new = not self._writer.persist(partial(self._store.keyframes.is_stored, event.keyframe.key))
            if is_new:
                self._pipeline.take(event)

        self._writer.ask_vital(take)
        return is_new

    def last_views(self, camera: str) -> list[LastView]:
        """Return how the vehicles looked that a camera saw last, after all that was submitted. Raise ChannelClosed."""
        return self._writer.ask(partial(self._store.passages.last_views, camera, self._clock.now()))

    def count(self, camera: str, frames: Mapping[Why, int]) -> None:
        """Let status pages show the counts of a camera's gate, in which it goes on counting."""
        self._pipeline.recorder.counters.frames[camera] = frames

    def forget(self, camera: str) -> None:
        """Show no counts of a camera any more."""
        self._pipeline.recorder.counters.frames.pop(camera, None)


class ReaderAccess:
    """The storage as the dispatcher uses it while readers run beside the writer.

    A reader loads a picture itself, so that nothing else that the writer has to do delays the call.
    """

    def __init__(
        self, evidence: EvidenceFiles, persistence: Persistence, writer: WriteQueue, take: Callable[[Event], None]
    ) -> None:
        """take: of the pipeline; the writer's thread calls it."""
        self._evidence, self._persistence, self._writer, self._take = evidence, persistence, writer, take

    def load(self, key: str) -> Keyframe:
        """Return a stored keyframe with its JPEG. Raise StoreError if it is gone or damaged."""
        return self._persistence.persist(partial(self._evidence.load_keyframe, key))

    def record(self, event: Event) -> None:
        """Have the writer record an event, and wait until that is done. Raise ChannelClosed, StoreError."""
        self._writer.ask_vital(partial(self._take, event))


class ReadingWorker:
    """Has keyframes read, one after the other, and tells the camera's gate of the answers."""

    def __init__(self, dispatcher: Dispatcher, answers: Mapping[str, Channel[Message]], lifecycle: Lifecycle) -> None:
        """answers: by camera. A keyframe of an earlier run may be of a camera that is not configured any more."""
        self._dispatcher, self._answers, self._lifecycle = dispatcher, answers, lifecycle

    def run(self, next_job: Callable[[float], Job | None], heartbeat: Heartbeat) -> None:
        """Work until the dispatcher is closed. next_job: of the dispatcher. Raise StoreError, ChannelClosed."""
        while self._lifecycle.phase is not Phase.OVER:
            heartbeat.beat()
            job = next_job(JOB_WAIT)
            if job is None:
                if self._dispatcher.closed:
                    return
                continue
            served = self._dispatcher.serve(job)
            if served.keyframe is not None and not served.again and served.keyframe.camera in self._answers:
                self._answers[served.keyframe.camera].put((served.keyframe, served.plates))

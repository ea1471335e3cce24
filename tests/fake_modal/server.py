"""The control plane: the calls that our backend makes the SDK make, and no others.

    python -m tests.fake_modal.server FOLDER

Writes FOLDER/port when it listens, FOLDER/calls (a line a call), and reads FOLDER/knobs.json.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import string
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp.web
import grpclib
import grpclib.server
from google.protobuf import empty_pb2
from modal._utils.grpc_utils import custom_detail_codec
from modal_proto import api_grpc, api_pb2

from tests.fake_modal.knobs import Knobs
from tests.fake_modal.sandboxes import Box, Status

LETTERS = string.ascii_letters + string.digits
BLOCK = 8 << 20


def new_id(kind: str) -> str:
    return f"{kind}-{''.join(random.choices(LETTERS, k=22))}"


class Fake:
    """State of the service, and one coroutine for each call: request in, reply out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.knobs = Knobs(folder / "knobs.json")
        self.apps: dict[str, str] = {}
        self.volumes: dict[str, str] = {}  # name -> id
        self.images: dict[str, str] = {}  # hash of the layer -> id
        self.built: set[str] = set()
        self.blobs: dict[str, bytes] = {}  # sha256 -> data
        self.mounts: dict[str, list[api_pb2.MountFile]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.boxes: dict[str, Box] = {}
        self.created: dict[str, str] = {}  # idempotency key -> sandbox id
        self.http = ""

    # Apps, environments, secrets

    async def AppGetOrCreate(self, r: Any, _m: Any) -> Any:
        creates = r.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        if r.app_name not in self.apps and not creates:
            raise grpclib.GRPCError(grpclib.Status.NOT_FOUND, f"no app {r.app_name}")
        found = self.apps.setdefault(r.app_name, new_id("ap"))
        return api_pb2.AppGetOrCreateResponse(app_id=found)

    async def EnvironmentGetOrCreate(self, _r: Any, _m: Any) -> Any:
        settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        metadata = api_pb2.EnvironmentMetadata(name="main", settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    async def SecretGetOrCreate(self, r: Any, _m: Any) -> Any:
        found = new_id("st")
        self.secrets[found] = dict(r.env_dict)
        return api_pb2.SecretGetOrCreateResponse(secret_id=found)

    # Images: built once a layer, with a line of output

    async def ImageGetOrCreate(self, r: Any, _m: Any) -> Any:
        key = hashlib.sha256(r.image.SerializeToString(deterministic=True)).hexdigest()
        found = self.images.setdefault(key, new_id("im"))
        reply = api_pb2.ImageGetOrCreateResponse(image_id=found)
        if found in self.built:
            reply.result.status = Status.GENERIC_STATUS_SUCCESS
        return reply

    async def ImageJoinStreaming(self, r: Any, stream: Any) -> None:
        said = self.knobs.read().broken_build
        text = f"building {r.image_id}\n{said}"
        log = api_pb2.TaskLogs(data=text, file_descriptor=api_pb2.FILE_DESCRIPTOR_STDOUT)
        await stream.send_message(
            api_pb2.ImageJoinStreamingResponse(entry_id="1-1", task_logs=[log])
        )
        end = api_pb2.ImageJoinStreamingResponse(entry_id="2-1", eof=True)
        end.result.status = Status.GENERIC_STATUS_FAILURE if said else Status.GENERIC_STATUS_SUCCESS
        end.result.exception = said
        if not said:
            self.built.add(r.image_id)
        await stream.send_message(end)

    # Files of a mount: content by hash

    async def MountBatchedCheckExistence(self, r: Any, _m: Any) -> Any:
        missing = [sha for sha in r.sha256_hex_hashes if sha not in self.blobs]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def MountPutFile(self, r: Any, _m: Any) -> Any:
        if r.WhichOneof("data_oneof"):
            data = self.blobs[r.data_blob_id] if r.data_blob_id else r.data
            self.blobs[r.sha256_hex] = data
        return api_pb2.MountPutFileResponse(exists=r.sha256_hex in self.blobs)

    async def MountGetOrCreate(self, r: Any, _m: Any) -> Any:
        found = new_id("mo")
        self.mounts[found] = list(r.files)
        metadata = api_pb2.MountHandleMetadata(content_checksum_sha256_hex="0" * 64)
        return api_pb2.MountGetOrCreateResponse(mount_id=found, handle_metadata=metadata)

    async def BlobCreate(self, _r: Any, _m: Any) -> Any:
        blob = new_id("bl")
        return api_pb2.BlobCreateResponse(blob_id=blob, upload_url=f"{self.http}/blob/{blob}")

    # Volumes of version 2: blocks by hash

    async def VolumeGetOrCreate(self, r: Any, _m: Any) -> Any:
        creates = r.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        if r.deployment_name not in self.volumes and not creates:
            raise grpclib.GRPCError(grpclib.Status.NOT_FOUND, f"no volume {r.deployment_name}")
        found = self.volumes.setdefault(r.deployment_name, new_id("vo"))
        (self.folder / found).mkdir(exist_ok=True)
        version = api_pb2.VOLUME_FS_VERSION_V2
        metadata = api_pb2.VolumeMetadata(version=version, name=r.deployment_name)
        return api_pb2.VolumeGetOrCreateResponse(
            volume_id=found, version=version, metadata=metadata
        )

    async def VolumePutFiles2(self, r: Any, _m: Any) -> Any:
        reply = api_pb2.VolumePutFiles2Response()
        for index, file in enumerate(r.files):
            for number, block in enumerate(file.blocks):
                if block.contents_sha256.hex() not in self.blobs:
                    reply.missing_blocks.add(
                        file_index=index,
                        block_index=number,
                        put_url=f"{self.http}/blob/{block.contents_sha256.hex()}",
                    )
        if not reply.missing_blocks:
            for file in r.files:
                path = self.folder / r.volume_id / file.path.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                blocks = [self.blobs[block.contents_sha256.hex()] for block in file.blocks]
                path.write_bytes(b"".join(blocks)[: file.size])
        return reply

    async def VolumeListFiles2(self, r: Any, stream: Any) -> None:
        root = self.folder / r.volume_id
        top = root / r.path.lstrip("/")
        if not top.exists():
            raise grpclib.GRPCError(grpclib.Status.NOT_FOUND, f"no file {r.path}")
        reply = api_pb2.VolumeListFiles2Response()
        for path in sorted(top.iterdir()) if top.is_dir() else [top]:
            kind = api_pb2.FileEntry.DIRECTORY if path.is_dir() else api_pb2.FileEntry.FILE
            reply.entries.add(path=str(path.relative_to(root)), type=kind, size=path.stat().st_size)
        await stream.send_message(reply)

    # Sandboxes

    async def SandboxCreate(self, r: Any, metadata: Any) -> Any:
        key = str(metadata.get("x-idempotency-key", ""))
        if key in self.created:
            return api_pb2.SandboxCreateResponse(sandbox_id=self.created[key])
        knobs, wanted = self.knobs.read(), r.definition
        gpu = wanted.resources.gpu_config.gpu_type
        if gpu in knobs.unknown_gpu:
            raise grpclib.GRPCError(grpclib.Status.INVALID_ARGUMENT, f"unknown GPU {gpu}")
        living = [box for box in self.boxes.values() if not box.result]
        if gpu in knobs.no_gpu or len(living) >= knobs.capacity:
            raise grpclib.GRPCError(grpclib.Status.RESOURCE_EXHAUSTED, f"no capacity for {gpu}")
        if wanted.name and any(box.name == wanted.name for box in living):
            raise grpclib.GRPCError(grpclib.Status.ALREADY_EXISTS, f"{wanted.name} is running")
        box = self._box(r)
        self.boxes[box.id] = self.created[key] = box  # type: ignore[assignment]
        self.created[key] = box.id
        asyncio.get_running_loop().create_task(box.run(knobs.delay, knobs.end, knobs.after))
        if not knobs.delay:
            async with box.changed:
                await box.changed.wait_for(lambda: box.task or box.result)
        return api_pb2.SandboxCreateResponse(sandbox_id=box.id)

    def _box(self, r: Any) -> Box:
        wanted, found = r.definition, new_id("sb")
        root = self.folder / found
        root.mkdir()
        places = {"/tmp"}
        (root / "tmp").mkdir()
        for mount in wanted.mount_ids:
            for file in self.mounts[mount]:
                path = root / file.filename.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.blobs[file.sha256_hex])
                path.chmod(file.mode or 0o644)
                places.add("/" + file.filename.lstrip("/").split("/")[0])
        for mount in wanted.volume_mounts:
            path = root / mount.mount_path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            inside = self.folder / mount.volume_id / mount.sub_path.lstrip("/")
            inside.mkdir(parents=True, exist_ok=True)
            path.symlink_to(inside)
            places.add("/" + mount.mount_path.lstrip("/").split("/")[0])
        env: dict[str, str] = {}
        for secret in wanted.secret_ids:
            env |= self.secrets[secret]
        return Box(
            id=found,
            name=wanted.name,
            app=r.app_id,
            tags={tag.tag_name: tag.tag_value for tag in r.tags},
            root=root,
            argv=list(wanted.entrypoint_args),
            env=env,
            workdir=wanted.workdir,
            timeout=float(wanted.timeout_secs),
            places=sorted(places),
        )

    async def SandboxGetTaskId(self, r: Any, _m: Any) -> Any:
        box = self._known(r.sandbox_id)
        reply = api_pb2.SandboxGetTaskIdResponse(task_id=box.task)
        if box.result and not box.task:
            reply.task_result.CopyFrom(box.result)
        return reply

    async def SandboxGetLogs(self, r: Any, stream: Any) -> None:
        box, cut = self._known(r.sandbox_id), self.knobs.read().cut
        at, sent = int(r.last_entry_id or 0), 0
        mine = r.file_descriptor == api_pb2.FILE_DESCRIPTOR_STDOUT
        until = time.monotonic() + (r.timeout or 55)
        while time.monotonic() < until:
            data = bytes(box.log[at : at + (1 << 16)]) if mine else b""
            while data and data[-1] & 0xC0 == 0x80 and len(data) > 1:
                data = data[:-1]  # not in the middle of a character
            if data:
                at += len(data)
                sent += len(data)
                item = api_pb2.TaskLogs(data=data.decode("utf-8", "replace"))
                item.file_descriptor = api_pb2.FILE_DESCRIPTOR_STDOUT
                await stream.send_message(api_pb2.TaskLogsBatch(entry_id=str(at), items=[item]))
                if cut and sent >= cut and not self.knobs.read().spent("cut", 1):
                    raise grpclib.GRPCError(grpclib.Status.UNAVAILABLE, "the stream broke")
                continue
            if box.result and (not mine or at >= len(box.log)):
                await stream.send_message(api_pb2.TaskLogsBatch(entry_id=str(at), eof=True))
                return
            async with box.changed:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(box.changed.wait(), 1.0)

    async def SandboxWait(self, r: Any, _m: Any) -> Any:
        box = self._known(r.sandbox_id)
        reply = api_pb2.SandboxWaitResponse()
        if not box.result and r.timeout:
            async with box.changed:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(box.changed.wait_for(lambda: box.result), r.timeout)
        if box.result:
            reply.result.CopyFrom(box.result)
        return reply

    async def SandboxTerminate(self, r: Any, _m: Any) -> Any:
        box = self._known(r.sandbox_id)
        if not box.result:
            box.kill()
            await box.finish(Status.GENERIC_STATUS_TERMINATED, 137)
        return api_pb2.SandboxTerminateResponse()

    async def SandboxGetFromName(self, r: Any, _m: Any) -> Any:
        app = self.apps.get(r.app_name)
        for box in self.boxes.values():
            if box.name == r.sandbox_name and box.app == app and not box.result:
                return api_pb2.SandboxGetFromNameResponse(sandbox_id=box.id)
        raise grpclib.GRPCError(grpclib.Status.NOT_FOUND, f"no sandbox {r.sandbox_name}")

    async def SandboxList(self, r: Any, _m: Any) -> Any:
        wanted = {tag.tag_name: tag.tag_value for tag in r.tags}
        reply = api_pb2.SandboxListResponse()
        for box in sorted(self.boxes.values(), key=lambda box: -box.made):
            before = not r.before_timestamp or box.made < r.before_timestamp
            if box.result or box.app != r.app_id or not before or wanted.items() - box.tags.items():
                continue
            info = reply.sandboxes.add(id=box.id, created_at=box.made, name=box.name)
            for name, value in box.tags.items():
                info.tags.add(tag_name=name, tag_value=value)
        return reply

    async def SandboxTagsGet(self, r: Any, _m: Any) -> Any:
        box = self._known(r.sandbox_id)
        tags = [api_pb2.SandboxTag(tag_name=k, tag_value=v) for k, v in box.tags.items()]
        return api_pb2.SandboxTagsGetResponse(tags=tags)

    def _known(self, found: str) -> Box:
        if found not in self.boxes:
            raise grpclib.GRPCError(grpclib.Status.NOT_FOUND, f"no sandbox {found}")
        return self.boxes[found]

    # The calls as grpclib wants them: faults before, a line in the journal, faults after

    def service(self) -> Any:
        """An object of the SDK's own service class with our calls; all others are refused."""
        streams = ("ImageJoinStreaming", "VolumeListFiles2", "SandboxGetLogs")

        def serve(name: str) -> Any:
            ours = getattr(self, name, None)

            async def call(_self: Any, stream: Any) -> None:
                request = await stream.recv_message()
                with (self.folder / "calls").open("a") as journal:
                    journal.write(f"{name}\n")
                if ours is None:
                    raise grpclib.GRPCError(grpclib.Status.UNIMPLEMENTED, f"the fake has no {name}")
                knobs = self.knobs.read()
                status, times = knobs.fail.get(name, ("", 0))
                if status and not knobs.spent(f"fail {name}", times):
                    raise grpclib.GRPCError(getattr(grpclib.Status, status), f"{name} by a knob")
                if name in streams:
                    await ours(request, stream)
                    return
                reply = await ours(request, stream.metadata)
                times = knobs.lost.get(name, 0)
                if times and not knobs.spent(f"lost {name}", times):
                    raise grpclib.GRPCError(grpclib.Status.UNAVAILABLE, "the reply was lost")
                await stream.send_message(reply if reply is not None else empty_pb2.Empty())

            return call

        base = api_grpc.ModalClientBase
        calls = {name: serve(name) for name in base.__abstractmethods__}
        return type("Service", (base,), calls)()

    async def put(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        self.blobs[request.match_info["name"]] = await request.read()
        return aiohttp.web.Response(text="stored")


async def main(folder: Path) -> None:
    fake = Fake(folder)
    web = aiohttp.web.Application(client_max_size=64 << 20)
    web.router.add_put("/blob/{name}", fake.put)
    runner = aiohttp.web.AppRunner(web)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.http = f"http://127.0.0.1:{runner.addresses[0][1]}"
    server = grpclib.server.Server([fake.service()], status_details_codec=custom_detail_codec)
    await server.start("127.0.0.1", 0)
    sockets = server._server.sockets  # type: ignore[union-attr]
    part = folder / "port.part"
    part.write_text(str(sockets[0].getsockname()[1]))
    part.replace(folder / "port")
    parent = os.getppid()
    while os.getppid() == parent:  # whoever started us is gone: so are we, with all processes
        await asyncio.sleep(0.2)
    for box in fake.boxes.values():
        box.kill()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

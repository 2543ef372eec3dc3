/** A host that talks back: it counts the frames that come, and answers each, to whoever sent it. */
import dgram from "node:dgram";

const socket = dgram.createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
let frames = 0;
let answers = 0;
let failed = 0;
socket.on("message", (_, { address, port }) => {
  frames += 1;
  socket.send("who are you", port, address, (error) => {
    if (error === null) answers += 1;
    else failed += 1;
  });
});
socket.bind(Number(process.argv[2]), () => console.log("listening"));
process.stdin.on("data", () => console.log(JSON.stringify({ frames, answers, failed })));
process.stdin.on("end", () => socket.close());
